namespace Hypercall;

/// <summary>Whether a way down can be used here.</summary>
public sealed class HypercallProbe
{
    private HypercallProbe(bool isUsable, bool isCpusChoice, string? reason, string? remedy, string? needs = null)
    {
        Needs = needs;
        IsUsable = isUsable;
        IsCpusChoice = isCpusChoice;
        Reason = reason;
        Remedy = remedy;
    }

    /// <summary>It is the instruction of this CPU's vendor.</summary>
    public static HypercallProbe CpusChoice { get; } = new(true, true, null, null);

    /// <summary>It can be used, on this CPU as on others.</summary>
    public static HypercallProbe Usable { get; } = new(true, false, null, null);

    /// <summary>Whether it can be used.</summary>
    public bool IsUsable { get; }

    /// <summary>
    /// Whether it is the instruction of this CPU's vendor: those decide between each other by themselves, for a CPU has one
    /// vendor.
    /// </summary>
    public bool IsCpusChoice { get; }

    /// <summary>Why it cannot be used, without a full stop; null when it can.</summary>
    public string? Reason { get; }

    /// <summary>What would help, in a sentence; null when it can be used.</summary>
    public string? Remedy { get; }

    /// <summary>
    /// What it lacks that a user can give, in a few words, such as <c>root</c>; null when it can be used, or is not for this
    /// machine.
    /// </summary>
    public string? Needs { get; }

    /// <summary>It could be used on this machine, and lacks something that a user can give.</summary>
    /// <param name="needs">What, in a few words, such as <c>root</c>.</param>
    /// <param name="reason">Why it cannot be used as it is, without a full stop.</param>
    /// <param name="remedy">What would help, in a sentence.</param>
    public static HypercallProbe Lacks(string needs, string reason, string remedy)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(needs);
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        ArgumentException.ThrowIfNullOrWhiteSpace(remedy);
        return new HypercallProbe(false, false, reason, remedy, needs);
    }

    /// <summary>It cannot be used.</summary>
    /// <param name="reason">Why, without a full stop.</param>
    /// <param name="remedy">What would help, in a sentence.</param>
    public static HypercallProbe Unusable(string reason, string remedy)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        ArgumentException.ThrowIfNullOrWhiteSpace(remedy);
        return new HypercallProbe(false, false, reason, remedy);
    }

    /// <summary>As an instruction that CPUs of some vendors execute, and others do not.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="vendors">CPUID's vendor strings of those that do, 12 characters each.</param>
    public static HypercallProbe ByVendor(CpuIdentity cpu, params IEnumerable<string> vendors)
    {
        ArgumentNullException.ThrowIfNull(cpu);
        ArgumentNullException.ThrowIfNull(vendors);
        string[] all = [.. vendors];
        return all.Contains(cpu.Vendor, StringComparer.Ordinal)
            ? CpusChoice
            : Unusable(
                $"it is for CPU vendor {string.Join(" or ", all.Select(vendor => $"'{vendor}'"))}, and this is '{cpu.Vendor}'",
                "A VMM can present any vendor string: if you know that this host executes it, name the provider in HypercallOptions.Provider.");
    }

    /// <summary><c>usable</c>, or why not.</summary>
    public override string ToString() => IsUsable ? "usable" : Reason!;
}
