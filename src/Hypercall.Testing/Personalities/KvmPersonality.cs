namespace Hypercall.Testing;

/// <summary>KVM.</summary>
internal class KvmPersonality(string name = nameof(FakeVmmPersonality.Kvm), HypercallConvention? convention = null)
    : FakeVmmPersonality(name, convention ?? HypercallConvention.Kvm)
{
    protected const string Emulate = "Linux, arch/x86/kvm/x86.c, kvm_emulate_hypercall";

    private const ulong Eperm = unchecked((ulong)-1L); // -KVM_EPERM: Linux, include/uapi/linux/kvm_para.h
    private const ulong Enosys = unchecked((ulong)-1000L); // -KVM_ENOSYS: the same

    private static readonly FakeCpuidSignature Signature = new(FakeCpuidSignature.FirstLeaf, "KVMKVMKVM", 0x4000_0001);

    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new("From user mode every call gives RAX = -1, and changes no other register.", Emulate),
        new("A number that it does not serve gives RAX = -1000 to the guest's kernel.", Emulate),
        new("On AMD, VMCALL raises #GP.", "measured: Linux 6.1 nested on an emulated CPU, and a host"),
        new(
            "On Intel, VMMCALL raises #PF, error code 7, on the instruction itself, which KVM tries to patch.",
            "Linux, arch/x86/kvm/x86.c, emulator_fix_hypercall; measured on a host"),
        new("CPUID says KVMKVMKVM at 0x40000000.", "Linux, Documentation/virt/kvm/x86/cpuid.rst"),
        new("A call leaves every register but RAX as it was.", "Linux, Documentation/virt/kvm/x86/hypercalls.rst"),
        new("A refusal is RAX = -1.", FakeVmmRule.Assumed),
    ];

    public override IReadOnlyList<FakeCpuidSignature> Signatures { get; } = [Signature];

    public override CpuFaultKind Fault(FakeExit vmExit, in HypercallRegisters registers) => vmExit.Kind switch
    {
        FakeExitKind.OtherVendors when FakeVendor.Amd.Probe(vmExit.Cpu).IsUsable => CpuFaultKind.GeneralProtection,
        FakeExitKind.OtherVendors => CpuFaultKind.PageFault,
        _ => base.Fault(vmExit, in registers),
    };

    public override bool Admit(FakeExit vmExit, ref HypercallRegisters registers)
    {
        if (vmExit.Cpl == 0 || vmExit.IsWatched)
        {
            return true;
        }

        registers.Rax = Eperm;
        return false;
    }

    public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = Enosys;

    public override void Refuse(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = Eperm;
}
