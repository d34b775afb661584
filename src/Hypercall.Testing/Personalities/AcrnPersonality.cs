namespace Hypercall.Testing;

/// <summary>ACRN under its Service VM.</summary>
internal sealed class AcrnPersonality() : FakeVmmPersonality(nameof(Acrn), HypercallConvention.Acrn)
{
    private const string Handler = "projectacrn/acrn-hypervisor, hypervisor/arch/x86/guest/vmcall.c, ";

    private const ulong Enotty = unchecked((ulong)-25L); // -ENOTTY
    private const ulong Einval = unchecked((ulong)-22L); // -EINVAL

    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new("From user mode VMCALL raises #GP.", Handler + "vmcall_vmexit_handler"),
        new("A number that it does not serve gives RAX = -25 to the guest's kernel.", Handler + "dispatch_hypercall"),
        new("VMMCALL raises #UD, on whichever CPU: it runs on Intel's only.", FakeVmmRule.Assumed),
        new("CPUID says ACRNACRNACRN at 0x40000000.", "Linux, arch/x86/include/asm/acrn.h, acrn_cpuid_base"),
        new("A refusal is RAX = -22.", Handler + "vmcall_vmexit_handler"),
    ];

    public override IReadOnlyList<FakeCpuidSignature> Signatures { get; } =
        [new(FakeCpuidSignature.FirstLeaf, "ACRNACRNACRN", 0x4000_0010)];

    public override string CpuVendor => "GenuineIntel";

    public override CpuFaultKind Fault(
        FakeExit vmExit, in HypercallRegisters registers) =>
        vmExit.Kind != FakeExitKind.Hypercall ? base.Fault(vmExit, in registers)
        : FakeVendor.Amd.Encodes(vmExit.Instruction) ? CpuFaultKind.InvalidOpcode
        : vmExit.Cpl == 0 ? CpuFaultKind.None
        : CpuFaultKind.GeneralProtection;

    public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = Enotty;

    public override void Refuse(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = Einval;
}
