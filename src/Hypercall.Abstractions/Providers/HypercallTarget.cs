namespace Hypercall;

/// <summary>The CPU that a program runs on, and the way down that was chosen.</summary>
/// <param name="Cpu">The CPU.</param>
/// <param name="Provider">The way down.</param>
public sealed record HypercallTarget(CpuIdentity Cpu, IHypercallProvider Provider)
{
    /// <summary>The provider's name.</summary>
    public string ProviderName => Provider.Name;

    /// <summary>The instruction that leaves the guest; null where a device of the guest's kernel makes the call.</summary>
    public HypercallInstruction? Instruction => Provider.Instruction;

    /// <summary>The instruction's name, such as <c>VMCALL</c>; the provider's where there is no instruction.</summary>
    public string Way => Instruction?.Mnemonic ?? ProviderName;

    /// <summary>Chooses the provider that the options name; otherwise the only one that can be used here.</summary>
    /// <remarks>
    /// The vendors' providers decide between each other by CPUID. Where another one could serve too, nothing is chosen by itself:
    /// name one in
    /// <see cref="HypercallOptions.Provider"/>, or make a machine for each.
    /// </remarks>
    /// <param name="cpuid">The CPU.</param>
    /// <param name="providers">The registered providers.</param>
    /// <param name="options">May name a provider; null for the defaults.</param>
    /// <exception cref="HypercallProviderException">None can be used, or more than one, or the named one is not
    /// registered.</exception>
    public static HypercallTarget Select(ICpuid cpuid, IEnumerable<IHypercallProvider> providers, HypercallOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(cpuid);
        ArgumentNullException.ThrowIfNull(providers);
        return TrySelect(cpuid, providers, options?.Provider, out HypercallTarget? target) is { } error ? throw error : target!;
    }

    /// <summary>The targets that other registered providers of instructions would give, in the order of registration.</summary>
    /// <param name="providers">The registered providers.</param>
    public IEnumerable<HypercallTarget> Alternatives(IEnumerable<IHypercallProvider> providers)
    {
        ArgumentNullException.ThrowIfNull(providers);
        return providers
            .Where(provider => provider.Instruction is { } other && Instruction is { } mine && !other.Encoding.Span.SequenceEqual(mine.Encoding.Span))
            .Select(provider => this with { Provider = provider });
    }

    /// <summary>Chooses a provider.</summary>
    /// <param name="cpuid">The CPU.</param>
    /// <param name="providers">The registered ones.</param>
    /// <param name="named">The name that was asked for; null for the one that can be used.</param>
    /// <param name="target">The CPU and the provider; null when there is an error.</param>
    /// <returns>Why none was chosen; null when one was.</returns>
    internal static HypercallProviderException? TrySelect(
        ICpuid cpuid, IEnumerable<IHypercallProvider> providers, string? named, out HypercallTarget? target)
    {
        CpuIdentity cpu = CpuIdentity.Read(cpuid);
        IHypercallProvider[] all = [.. providers];
        HypercallProbe[] probes = named is null ? [.. all.Select(provider => provider.Probe(cpuid))] : [];
        IHypercallProvider[] matching = named is null
            ? [.. all.Where((_, i) => probes[i].IsUsable)]
            : [.. Named(all, named)];
        target = matching is [IHypercallProvider one] ? new HypercallTarget(cpu, one) : null;
        return target is null ? new HypercallProviderException(cpu, all, probes, matching, named) : null;
    }

    internal static IEnumerable<IHypercallProvider> Named(IEnumerable<IHypercallProvider> providers, string name) =>
        providers.Where(provider => provider.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The way and the CPU in a few words: <c>VMMCALL on AuthenticAMD</c>.</summary>
    public override string ToString() => $"{Way} on {Cpu.Vendor.Trim()}";
}
