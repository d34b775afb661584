namespace Hypercall;

/// <summary>No registered provider serves this CPU, or more than one does.</summary>
public sealed class HypercallProviderException : HypercallException
{
    internal HypercallProviderException(CpuIdentity cpu, IReadOnlyList<IHypercallProvider> providers, int matches, string? forced)
        : base(Describe(cpu, providers, matches, forced))
    {
        Cpu = cpu;
        ProviderNames = [.. providers.Select(provider => provider.Name)];
        Matches = matches;
    }

    /// <summary>The CPU.</summary>
    public CpuIdentity Cpu { get; }

    /// <summary>The names of all registered providers.</summary>
    public IReadOnlyList<string> ProviderNames { get; }

    /// <summary>How many of them matched: 0, or 2 and more.</summary>
    public int Matches { get; }

    /// <summary>False: CPU and providers stay as they are.</summary>
    public override bool IsTransient => false;

    private static string Describe(CpuIdentity cpu, IReadOnlyList<IHypercallProvider> providers, int matches, string? forced)
    {
        string registered = providers.Count == 0
            ? "none (call AddIntel() and AddAmd())"
            : string.Join(", ", providers.Select(provider => $"{provider.Name} ({provider.Instruction.Mnemonic})"));
        string what = (forced, matches) switch
        {
            (null, 0) => "No registered provider serves",
            (null, _) => $"{matches} registered providers serve",
            (_, 0) => $"No registered provider has the forced instruction {forced} for",
            _ => $"{matches} registered providers have the forced instruction {forced} for",
        };
        return $"{what} CPU vendor '{cpu.Vendor}' ({(cpu.Brand.Length == 0 ? "no brand" : cpu.Brand)}). Registered providers: {registered}. "
            + "A VMM can present any vendor string: if you know which instruction this host executes, force it with HypercallOptions.Instruction.";
    }
}
