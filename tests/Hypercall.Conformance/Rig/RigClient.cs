using Hypercall.BitVisor;

namespace Hypercall.Conformance;

/// <summary>The rig's functions (rig/ABI.md) as a program calls them.</summary>
internal sealed class RigClient(BitVisorClient vmm)
{
    public const string ByPhysicalAddress = "xfer_gpa";
    public const string ByList = "xfer_list";
    public const string ByVirtualAddress = "xfer_gva";
    public const string ByVirtualAddressBytewise = "xfer_gva_b";

    public static readonly string[] Names =
    [
        "add", "mix", "same", "minus_one", ByPhysicalAddress, ByList, ByVirtualAddress, ByVirtualAddressBytewise, "stream_reset", "stream_read", "hold",
        "held_write", "held_read", "walk", "vmm_memory", "rom_policy", "exits", "get_status", "status_mode", "dbgsh", "shell_mode", "log_set_buf",
        "log_set_buf_user", "log_write", "clobber",
    ];

    /// <summary>RAX is bytes done, or -1.</summary>
    public static TransferRule Rule { get; } = TransferRule.Create("bytes in RAX, or -1", static (in registers, length) => registers.Rax == ulong.MaxValue
        ? TransferAnswer.Failed("it answered -1: it does not take such arguments.")
        : registers.Rax <= (ulong)length ? TransferAnswer.Done((long)registers.Rax) : TransferAnswer.Failed($"it claims {registers.Rax} of {length} bytes."));

    public static ulong Operation(Direction direction, AbsentPage absent = AbsentPage.Stop) => (ulong)direction | ((ulong)absent << 4);

    public static ulong KeyAndStream(byte key, int stream) => key | ((ulong)stream << 8);

    public static TransferOptions Options(
        Direction direction,
        byte key,
        int stream = 0,
        AbsentPage absent = AbsentPage.Stop,
        string? keptBy = null,
        bool acceptMemoryCorruption = false) => new()
    {
        Words = [Operation(direction, absent), KeyAndStream(key, stream), 0x5eed],
        KeptBy = keptBy,
        AcceptMemoryCorruptionIfPagesMove = acceptMemoryCorruption,
    };

    public static string FunctionFor(Passing passing) =>
        passing == Passing.Virtual ? ByVirtualAddress : passing == Passing.FrameList ? ByList : ByPhysicalAddress;

    public HypercallFunction Get(string name) => vmm.GetFunction(name);

    public ulong Call(string name, ulong rbx = 0, ulong rcx = 0, ulong rdx = 0, ulong rsi = 0, ulong rdi = 0) => Get(name).Call(rbx, rcx, rdx, rsi, rdi).Rax;

    public void Reset(int stream = 0) => Check.Equal(0ul, Call("stream_reset", (ulong)stream), "stream_reset");

    public RigStream Read(int stream = 0)
    {
        HypercallResult result = Get("stream_read").Call((ulong)stream);
        return new RigStream(result.Rax, result.Rbx, result.Rcx);
    }

    /// <summary>Hands a range over with nothing of the library's in between: no touch, no check.</summary>
    /// <param name="name">A transfer function.</param>
    /// <param name="address">RBX.</param>
    /// <param name="length">RCX.</param>
    /// <param name="direction">Which way.</param>
    /// <param name="key">The pattern's key.</param>
    /// <param name="absent">What to do at an absent page.</param>
    /// <param name="stream">Which stream.</param>
    public ulong Hand(
        string name, ulong address, ulong length, Direction direction, byte key = 0, AbsentPage absent = AbsentPage.Stop, int stream = 0) =>
        Call(name, address, length, Operation(direction, absent), KeyAndStream(key, stream), 0x5eed);
}
