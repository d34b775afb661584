namespace Hypercall;

/// <summary>The CPU that a program runs on, and the instruction chosen for it.</summary>
/// <param name="Cpu">The CPU.</param>
/// <param name="ProviderName">Which provider gave the instruction.</param>
/// <param name="Instruction">The instruction.</param>
public sealed record HypercallTarget(CpuIdentity Cpu, string ProviderName, HypercallInstruction Instruction)
{
    /// <summary>Chooses the one provider that serves a CPU, or the one whose instruction the options force.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="providers">The registered providers.</param>
    /// <param name="options">May force an instruction; null for none.</param>
    /// <exception cref="HypercallProviderException">No provider matches, or more than one does.</exception>
    public static HypercallTarget Select(CpuIdentity cpu, IEnumerable<IHypercallProvider> providers, HypercallOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(cpu);
        ArgumentNullException.ThrowIfNull(providers);
        IHypercallProvider[] all = [.. providers];
        string? forced = options?.Instruction;
        IHypercallProvider[] matching = forced is null
            ? [.. all.Where(provider => provider.Serves(cpu))]
            : [.. all.Where(provider => provider.Instruction.Mnemonic.Equals(forced, StringComparison.OrdinalIgnoreCase))];
        if (forced is not null && matching.Length > 1 && matching.All(provider => HasEncodingOf(matching[0], provider)))
        {
            matching = [matching.FirstOrDefault(provider => provider.Serves(cpu)) ?? matching[0]]; // the same bytes: nothing to choose between
        }

        return matching is [IHypercallProvider one]
            ? new HypercallTarget(cpu, one.Name, one.Instruction)
            : throw new HypercallProviderException(cpu, all, matching.Length, forced);
    }

    /// <summary>The targets that other registered providers would give, in the order of registration.</summary>
    /// <param name="providers">The registered providers.</param>
    public IEnumerable<HypercallTarget> Alternatives(IEnumerable<IHypercallProvider> providers)
    {
        ArgumentNullException.ThrowIfNull(providers);
        return providers
            .Where(provider => !provider.Instruction.Encoding.Span.SequenceEqual(Instruction.Encoding.Span))
            .Select(provider => new HypercallTarget(Cpu, provider.Name, provider.Instruction));
    }

    private static bool HasEncodingOf(IHypercallProvider one, IHypercallProvider other) =>
        one.Instruction.Encoding.Span.SequenceEqual(other.Instruction.Encoding.Span);

    /// <summary>The instruction and the CPU in a few words: <c>VMMCALL on AuthenticAMD</c>.</summary>
    public override string ToString() => $"{Instruction.Mnemonic} on {Cpu.Vendor.Trim()}";
}
