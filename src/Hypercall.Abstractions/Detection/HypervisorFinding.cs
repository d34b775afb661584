namespace Hypercall;

/// <summary>One thing that was found about what is under this guest, and what it rests on.</summary>
public sealed class HypervisorFinding
{
    /// <summary>States a finding.</summary>
    /// <param name="name">Who is there, such as <c>KVM</c>.</param>
    /// <param name="kind">How much the evidence says.</param>
    /// <param name="evidence">What was seen, and where, without a full stop.</param>
    /// <param name="source">Who says that it means that: a manual, a kernel's file.</param>
    /// <param name="vmm">The known VMM; null where it is none of <see cref="KnownVmm.All"/>.</param>
    public HypervisorFinding(string name, HypervisorFindingKind kind, string evidence, string source, KnownVmm? vmm = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(evidence);
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        Name = name;
        Kind = kind;
        Evidence = evidence;
        Source = source;
        Vmm = vmm;
    }

    /// <summary>Who is there, such as <c>KVM</c>.</summary>
    public string Name { get; }

    /// <summary>How much the evidence says.</summary>
    public HypervisorFindingKind Kind { get; }

    /// <summary>What was seen, and where, without a full stop.</summary>
    public string Evidence { get; }

    /// <summary>Who says that it means that.</summary>
    public string Source { get; }

    /// <summary>The known VMM; null where it is none of <see cref="KnownVmm.All"/>.</summary>
    public KnownVmm? Vmm { get; }

    /// <summary><c>KVM: CPUID leaf 0x40000000 says 'KVMKVMKVM'</c>; a hint says that it is one.</summary>
    public override string ToString() => Kind switch
    {
        HypervisorFindingKind.SaysItself => $"{Name}: {Evidence}",
        HypervisorFindingKind.Hint => $"{Name}, a hint: {Evidence}",
        _ => $"{Name}, cannot be told: {Evidence}",
    };
}
