namespace Hypercall.Testing;

/// <summary>Xen under a PVH or HVM guest.</summary>
internal sealed class XenPersonality() : FakeVmmPersonality(nameof(Xen), HypercallConvention.Xen)
{
    public const ulong Enosys = unchecked((ulong)-38L); // -ENOSYS

    private const ulong Eperm = unchecked((ulong)-1L); // -EPERM

    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new(
            "From user mode every call gives RAX = -1.",
            "Xen, xen/arch/x86/hvm/hypercall.c, hvm_hypercall; measured: Xen 4.17, PVH under SVM"),
        new(
            "A number that it does not serve gives RAX = -38 to the guest's kernel.",
            "Xen, xen/arch/x86/hvm/hypercall.c, hvm_hypercall; measured: Xen 4.17, PVH under SVM"),
        new("The other vendor's instruction raises #UD.", "measured: Xen 4.17, PVH under SVM"),
        new("CPUID says XenVMMXenVMM at 0x40000000.", "Xen, xen/include/public/arch-x86/cpuid.h"),
        new("A call may overwrite its argument registers.", "Xen, xen/include/public/arch-x86/xen-x86_64.h"),
        new("A refusal is RAX = -1.", "Xen, xen/include/xsm/dummy.h, xsm_default_action"),
    ];

    public override IReadOnlyList<FakeCpuidSignature> Signatures { get; } =
        [new(FakeCpuidSignature.FirstLeaf, "XenVMMXenVMM", 0x4000_0005)];

    public override IReadOnlyList<GeneralRegister> Overwrites { get; } =
        [.. HypercallConvention.Xen.Arguments.Select(argument => argument.Register)];

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
