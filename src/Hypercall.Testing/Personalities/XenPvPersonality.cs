namespace Hypercall.Testing;

/// <summary>Xen under a PV guest: its kernel calls by SYSCALL, and a program through its kernel (/dev/xen/privcmd).</summary>
internal sealed class XenPvPersonality() : FakeVmmPersonality(nameof(XenPv), HypercallConvention.Xen)
{
    private const string Measured = "measured: Xen 4.17, dom0 on an emulated CPU";

    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new("From user mode both vendors' instructions raise #UD.", Measured),
        new(
            "The guest's kernel gets through, and a number that it does not serve gives RAX = -38.",
            Measured + ", through /dev/xen/privcmd"),
        new("CPUID shows nothing of Xen.", Measured),
        new("CPUID behind Xen's prefix says XenVMMXenVMM at 0x40000000.", "Xen, tools/misc/xen-detect.c"),
        new("/sys/hypervisor/type is 'xen'.", Measured),
        new("A refusal is RAX = -1.", "Xen, xen/include/xsm/dummy.h, xsm_default_action"),
    ];

    internal override IReadOnlyList<FakeCpuidSignature> ForcedSignatures => Xen.Signatures;

    public override CpuFaultKind Fault(FakeExit vmExit, in HypercallRegisters registers) =>
        vmExit is { Kind: FakeExitKind.Hypercall, Cpl: not 0 } ? CpuFaultKind.InvalidOpcode : base.Fault(vmExit, in registers);

    internal override string? FileAt(string path) => path == "/sys/hypervisor/type" ? "xen\n" : null;

    public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) =>
        registers.Rax = XenPersonality.Enosys;

    public override void Refuse(FakeExit vmExit, ref HypercallRegisters registers) => Xen.Refuse(vmExit, ref registers);
}
