namespace Hypercall;

/// <summary>What a transfer may need beyond memory, technique and direction.</summary>
public sealed record TransferOptions
{
    internal static TransferOptions None { get; } = new();

    /// <summary>The function's first argument of its own, in RDX. The default is 0.</summary>
    public ulong Rdx { get; init; }

    /// <summary>The function's second argument of its own, in RSI. The default is 0.</summary>
    public ulong Rsi { get; init; }

    /// <summary>The function's third argument of its own, in RDI. The default is 0.</summary>
    public ulong Rdi { get; init; }

    /// <summary>How result registers mean bytes done and failure. Null, the default: a call that completed has done all its bytes.</summary>
    public TransferRule? Rule { get; init; }

    /// <summary>
    /// Who keeps the address after the calls, such as <c>"log ring"</c>; null, the default, when the VMM forgets it. Such memory must be pinned,
    /// and stays leased until <see cref="TransferResult.Lease"/> is disposed. Only the data is kept: the page of a frame list is gone after the transfer, so a function that
    /// keeps memory handed over by list must copy the frame numbers.
    /// </summary>
    public string? KeptBy { get; init; }

    /// <summary>
    /// Accepts that the VMM reads or overwrites pages that belong to somebody else, when pages of memory that is not pinned move
    /// while it uses their physical address. The transfer checks afterwards and reports a move, but by then the harm is done. The default is false.
    /// </summary>
    public bool AcceptMemoryCorruptionIfPagesMove { get; init; }

    /// <summary>Is told the bytes done, in total, after each call; null for nobody.</summary>
    public IProgress<long>? Progress { get; init; }
}
