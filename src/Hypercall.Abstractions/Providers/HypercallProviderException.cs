namespace Hypercall;

/// <summary>
/// No registered provider can be used on this machine, or more than one can, or the named one is not registered.
/// </summary>
public sealed class HypercallProviderException : HypercallException
{
    internal HypercallProviderException(
        CpuIdentity cpu, IReadOnlyList<IHypercallProvider> providers, IReadOnlyList<HypercallProbe> probes, IReadOnlyList<IHypercallProvider> matching, string? named)
        : base(Describe(cpu, providers, probes, matching, named))
    {
        Cpu = cpu;
        ProviderNames = [.. providers.Select(provider => provider.Name)];
        Matches = matching.Count;
    }

    /// <summary>The CPU.</summary>
    public CpuIdentity Cpu { get; }

    /// <summary>The names of all registered providers.</summary>
    public IReadOnlyList<string> ProviderNames { get; }

    /// <summary>How many of them could be used, or have the name that was asked for: 0, or 2 and more.</summary>
    public int Matches { get; }

    /// <summary>False: CPU and providers stay as they are.</summary>
    public override bool IsTransient => false;

    private static string Describe(
        CpuIdentity cpu, IReadOnlyList<IHypercallProvider> providers, IReadOnlyList<HypercallProbe> probes, IReadOnlyList<IHypercallProvider> matching, string? named)
    {
        string on = $"CPU vendor '{cpu.Vendor}' ({(cpu.Brand.Length == 0 ? "no brand" : cpu.Brand)})";
        if (providers.Count == 0)
        {
            return $"There is no provider to call a VMM with, on {on}. Call AddIntel() and AddAmd().";
        }

        if (named is not null)
        {
            return matching.Count == 0
                ? $"No registered provider is called '{named}' (HypercallOptions.Provider). Registered: {Names(providers)}."
                : $"{matching.Count} registered providers are called '{named}' (HypercallOptions.Provider). Register one of them.";
        }

        if (matching.Count > 0)
        {
            return $"{matching.Count} registered providers could serve {on}: {Names(matching)}. Name one in HypercallOptions.Provider, or make a machine for each.";
        }

        IEnumerable<string> why = providers.Zip(probes, (provider, probe) => $"{provider.Name}: {probe.Reason}. {probe.Remedy}");
        return $"No registered provider can be used on {on}. {string.Join(" ", why)}";
    }

    private static string Names(IEnumerable<IHypercallProvider> providers) =>
        string.Join(", ", providers.Select(provider => provider.Instruction is { } instruction ? $"{provider.Name} ({instruction.Mnemonic})" : provider.Name));
}
