namespace Hypercall.Testing;

/// <summary>Hyper-V.</summary>
internal sealed class HyperVPersonality() : FakeVmmPersonality(nameof(HyperV), HypercallConvention.HyperV)
{
    private const string Tlfs = "Hypervisor Top Level Functional Specification, ";
    private const string StatusCodes = Tlfs + "Hypercall Status Codes";

    private const ulong InvalidCode = 2; // HV_STATUS_INVALID_HYPERCALL_CODE
    private const ulong InvalidInput = 3; // HV_STATUS_INVALID_HYPERCALL_INPUT
    private const ulong InvalidAlignment = 4; // HV_STATUS_INVALID_ALIGNMENT
    private const ulong AccessDenied = 6; // HV_STATUS_ACCESS_DENIED

    // Of the input value: TLFS, "Hypercall Inputs".
    private const ulong Reserved = 0xF000_F000_7800_0000; // bits 63:60, 47:44, 30:27
    private const ulong Fast = 1 << 16;
    private const ulong PointerAlignment = 8;

    private static readonly RegisterField RepCount = new(GeneralRegister.Rcx, 32, 12);
    private static readonly RegisterField RepStart = new(GeneralRegister.Rcx, 48, 12);

    public override IReadOnlyList<FakeVmmRule> Rules { get; } =
    [
        new(
            "From user mode the instruction raises #UD.",
            Tlfs + "Hypercall Interface; Linux, arch/x86/kvm/hyperv.c, kvm_hv_hypercall"),
        new("A call code that it does not serve gives status 2.", StatusCodes + "; measured: KVM with Hyper-V's MSRs set"),
        new("An input value with a reserved bit, or whose rep start is not below its rep count, gives status 3.", StatusCodes),
        new("Without the fast bit, an address of input or output that is no multiple of 8 gives status 4.", StatusCodes),
        new("The other vendor's instruction raises #UD.", FakeVmmRule.Assumed),
        new("CPUID says Microsoft Hv at 0x40000000.", Tlfs + "Feature and Interface Discovery"),
        new("A call may overwrite RCX, RDX and R8 to R11.", Tlfs + "Hypercall Interface"),
        new("A refusal is status 6.", StatusCodes),
    ];

    public override IReadOnlyList<FakeCpuidSignature> Signatures { get; } =
        [new(FakeCpuidSignature.FirstLeaf, "Microsoft Hv", 0x4000_000B)];

    public override IReadOnlyList<GeneralRegister> Overwrites { get; } =
        [GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.R8, GeneralRegister.R9, GeneralRegister.R10, GeneralRegister.R11];

    public override CpuFaultKind Fault(FakeExit vmExit, in HypercallRegisters registers) =>
        vmExit is { Kind: FakeExitKind.Hypercall, Cpl: not 0 } ? CpuFaultKind.InvalidOpcode : base.Fault(vmExit, in registers);

    public override bool Admit(FakeExit vmExit, ref HypercallRegisters registers)
    {
        ulong status = vmExit.IsWatched ? 0 : Check(in registers);
        registers.Rax = status == 0 ? registers.Rax : status;
        return status == 0;
    }

    public override void AnswerUnserved(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = InvalidCode;

    public override void Refuse(FakeExit vmExit, ref HypercallRegisters registers) => registers.Rax = AccessDenied;

    private static ulong Check(in HypercallRegisters registers)
    {
        ulong count = RepCount.Read(in registers);
        ulong start = RepStart.Read(in registers);
        return (registers.Rcx & Reserved) != 0 || (start >= count && start != 0) ? InvalidInput
            : (registers.Rcx & Fast) == 0 && ((registers.Rdx | registers.R8) % PointerAlignment) != 0 ? InvalidAlignment
            : 0;
    }
}
