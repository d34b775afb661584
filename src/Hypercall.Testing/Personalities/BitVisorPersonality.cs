namespace Hypercall.Testing;

/// <summary>BitVisor by the letter of its ABI.</summary>
internal class BitVisorPersonality(
    string name = nameof(FakeVmmPersonality.BitVisor)) : FakeVmmPersonality(name, HypercallConvention.BitVisor)
{
    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new("Serves user mode and the guest's kernel alike.", "matsu/bitvisor, core/vmmcall.c, vmmcall"),
        new(
            "Number 0 finds functions by name; 0 for a name that is not there, not readable, or longer than 256 bytes.",
            "matsu/bitvisor, core/vmmcall.c, get_vmmcall_number"),
        new("A number that it does not serve gives RAX = 0.", "matsu/bitvisor, core/vmmcall.c, vmmcall"),
        new("The other vendor's instruction raises #UD.", "Intel SDM vol. 3C, VMCALL; AMD APM vol. 3, VMMCALL"),
        new("CPUID shows no trace of it, and the CPU's own SVM bit.", "seen on a build of May 2026"),
        new("A function may leave anything in the argument registers.", FakeVmmRule.Assumed),
        new(
            "A refusal leaves all registers as they were.",
            "seen on a build of May 2026: get_status when disabled, boot after boot"),
    ];

    public override bool FindsNames => true;

    public override IReadOnlyList<GeneralRegister> Overwrites { get; } =
        [GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi];

    public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = 0;
}
