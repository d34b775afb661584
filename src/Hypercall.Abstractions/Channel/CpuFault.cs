using System.Globalization;

namespace Hypercall;

/// <summary>
/// A fault that the CPU raised on the hypercall instruction, as the operating system reported it.
/// </summary>
/// <param name="Kind">Which fault.</param>
public readonly record struct CpuFault(CpuFaultKind Kind)
{
    /// <summary>
    /// The signal number on Linux (4 SIGILL, 7 SIGBUS, 11 SIGSEGV), the exception code on Windows (0xC000001D and so on).
    /// </summary>
    public uint Code { get; init; }

    /// <summary>
    /// The exception vector (6 #UD, 13 #GP, 14 #PF). On Windows it is derived from <see cref="Code"/>; -1 when it is not known,
    /// as under emulators of Linux that do not set it. Without meaning when there is no fault.
    /// </summary>
    public int TrapNumber { get; init; }

    /// <summary>
    /// The error code that the CPU pushed (for #PF: Intel SDM vol. 3A, section 4.7); 0 where there is none, and on Windows.
    /// </summary>
    public ulong ErrorCode { get; init; }

    /// <summary>
    /// For #PF the guest virtual address whose access failed (CR2); otherwise what the system reports, often 0.
    /// </summary>
    public GuestVirtualAddress Address { get; init; }

    /// <summary>
    /// Where the hypercall instruction lies in this process (a made-up address on a fake); 0 when whoever made the channel did
    /// not say.
    /// </summary>
    public GuestVirtualAddress InstructionAddress { get; init; }

    /// <summary>The CPU and the way down on which it happened; null when whoever made the channel did not say.</summary>
    public HypercallTarget? Target { get; init; }

    /// <summary>
    /// Whether a #PF hit the bytes of the instruction itself. A VMM that patches the instruction in place does that (KVM on
    /// Intel with VMMCALL); a #PF elsewhere was injected for an address the VMM was given.
    /// </summary>
    public bool IsOnInstruction
    {
        get
        {
            ulong length = (ulong)(Target?.Instruction?.Encoding.Length ?? HypercallInstruction.MaxLength);
            return Kind == CpuFaultKind.PageFault && InstructionAddress.Value != 0
                && Address.Value - InstructionAddress.Value < length;
        }
    }

    /// <summary>
    /// Whether the same call may succeed later: only a #PF that the VMM raised for an address that it was given, where a page
    /// can come back.
    /// </summary>
    internal bool IsTransient => Kind == CpuFaultKind.PageFault && InstructionAddress.Value != 0 && !IsOnInstruction;

    /// <summary>
    /// The CPU manuals' name of the fault: <c>#UD</c>, <c>#GP</c>, <c>#PF</c>, <c>trap N</c>, or <c>unknown trap</c>.
    /// </summary>
    public string Mnemonic => Kind switch
    {
        CpuFaultKind.None => "no fault",
        CpuFaultKind.InvalidOpcode => "#UD",
        CpuFaultKind.GeneralProtection => "#GP",
        CpuFaultKind.PageFault => "#PF",
        _ => TrapNumber < 0 ? "unknown trap" : string.Create(CultureInfo.InvariantCulture, $"trap {TrapNumber}"),
    };

    /// <summary>What this fault most likely means here, and what can be done about it.</summary>
    public string Advice => Target?.Provider.Advise(in this) ?? InstructionAdvice.For(in this);

    /// <summary>The fault in one line, for a log.</summary>
    public override string ToString()
    {
        string address = Kind == CpuFaultKind.PageFault ? string.Create(CultureInfo.InvariantCulture, $", address {Address}") : "";
        string code = Code == 0 ? "" : Code > 0xFFFF // a signal number is small, a Windows exception code is not
            ? string.Create(CultureInfo.InvariantCulture, $" (exception 0x{Code:X8}{address})")
            : string.Create(CultureInfo.InvariantCulture, $" (signal {Code}, error code 0x{ErrorCode:x}{address})");
        return Mnemonic + code;
    }
}
