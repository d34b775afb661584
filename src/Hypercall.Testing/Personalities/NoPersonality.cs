namespace Hypercall.Testing;

/// <summary>A bare CPU.</summary>
internal sealed class NoPersonality() : FakeVmmPersonality(nameof(None), HypercallConvention.BitVisor)
{
    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new("Both vendors' instructions raise #UD.", "Intel SDM vol. 3C, VMCALL; AMD APM vol. 3, VMMCALL"),
        new("CPUID's hypervisor bit is clear.", "Intel SDM vol. 2A, CPUID; AMD APM vol. 3, section E.3"),
    ];

    internal override bool CanWatch => false;

    public override CpuFaultKind Fault(FakeExit vmExit, in HypercallRegisters registers) =>
        vmExit.IsWatched ? CpuFaultKind.None : CpuFaultKind.InvalidOpcode;
}
