namespace Hypercall;

/// <summary>How a transfer ended, and how far it got.</summary>
public sealed class TransferResult
{
    internal TransferResult(TransferOutcome outcome, long length)
    {
        Outcome = outcome;
        Length = length;
    }

    /// <summary>How it ended.</summary>
    public TransferOutcome Outcome { get; internal init; }

    /// <summary>The technique that was used; for <see cref="Passing.Auto"/> the one it chose. Null for registers.</summary>
    public Passing? Passing { get; internal init; }

    /// <summary>How many bytes there were to transfer.</summary>
    public long Length { get; }

    /// <summary>How many bytes, from the start, are known to have arrived.</summary>
    public long BytesDone { get; internal init; }

    /// <summary>How many calls were made, with one that faulted or was refused.</summary>
    public long Calls { get; internal init; }

    /// <summary>The registers after the last call; all 0 when there was none.</summary>
    public HypercallRegisters Registers { get; internal init; }

    /// <summary>The fault, when the outcome is <see cref="TransferOutcome.Faulted"/>.</summary>
    public CpuFault Fault { get; internal init; }

    /// <summary>Why the channel refused a call, when the outcome is <see cref="TransferOutcome.ChannelRefused"/>.</summary>
    public ChannelRefusal? ChannelRefusal { get; internal init; }

    /// <summary>Why the memory is not fit, when the outcome is <see cref="TransferOutcome.Refused"/>.</summary>
    public GuestMemoryRefusal? Refusal { get; internal init; }

    /// <summary>
    /// Why the function failed, in its rule's words, when the outcome is <see cref="TransferOutcome.FunctionFailed"/>.
    /// </summary>
    public string? Failure { get; internal init; }

    /// <summary>
    /// The lease on memory that the VMM keeps (<see cref="TransferOptions.KeptBy"/>), whenever it was told an address, even if
    /// the transfer failed afterwards. Dispose it when the VMM has let go.
    /// </summary>
    public GuestBufferLease? Lease { get; internal init; }

    /// <summary>Whether all bytes are done.</summary>
    public bool IsCompleted => Outcome == TransferOutcome.Completed;

    internal bool IsTransient => Outcome switch
    {
        TransferOutcome.Incomplete or TransferOutcome.Moved => true,
        TransferOutcome.Faulted => Fault.IsTransient,
        TransferOutcome.ChannelRefused => ChannelRefusal!.IsTransient,
        TransferOutcome.Refused => Refusal!.IsTransient,
        _ => false,
    };

    /// <summary>What happened, and what can be done about it.</summary>
    public string Message => IsAuto ? $"{Account} {nameof(Hypercall.Passing.Auto)} chose {Passing}." : Account;

    /// <summary>Whether <see cref="Hypercall.Passing.Auto"/> chose the technique.</summary>
    internal bool IsAuto { get; init; }

    private string Account => Outcome switch
    {
        TransferOutcome.Completed => $"All {Length} bytes are done, in {Calls} {(Calls == 1 ? "call" : "calls")}.",
        TransferOutcome.Incomplete =>
            $"Only {BytesDone} of {Length} bytes are done: the function stopped part way. A page may have been absent or read-only when the VMM came to it: hand over locked or pinned memory, or transfer the rest again.",
        TransferOutcome.FunctionFailed => $"The function failed after {BytesDone} of {Length} bytes: {Failure}",
        TransferOutcome.ForeignVmm =>
            $"A VMM answered, but not in the convention of the call: RAX = 0x{Registers.Rax:x} ({(long)Registers.Rax}), which no VMM that speaks it answers. Known to have arrived: {BytesDone} of {Length} bytes.",
        TransferOutcome.Faulted => $"{HypercallFaultException.Describe(Fault)} Known to have arrived: {BytesDone} of {Length} bytes.",
        TransferOutcome.ChannelRefused => $"{ChannelRefusal!.Message} Known to have arrived: {BytesDone} of {Length} bytes.",
        TransferOutcome.Refused => BytesDone == 0 ? Refusal!.Message : $"{Refusal!.Message} Known to have arrived: {BytesDone} of {Length} bytes.",
        TransferOutcome.Moved =>
            $"A page moved while the VMM used its physical address: the transfer cannot be trusted beyond the first {BytesDone} of {Length} bytes, and the VMM may have read or "
            + "overwritten memory of somebody else. Locked pages move; hand over pinned memory (Residency.Pinned), or pass it by virtual address.",
        _ => $"The transfer was cancelled after {BytesDone} of {Length} bytes.",
    };

    /// <summary>
    /// The <see cref="Message"/>, and no register: they hold physical addresses, which do not belong in a log by accident.
    /// </summary>
    public override string ToString() => Message;

    internal Exception ToException(CancellationToken cancellation) => Outcome switch
    {
        TransferOutcome.Moved => new GuestMemoryMovedException(this),
        TransferOutcome.Canceled => new TransferCanceledException(this, cancellation),
        TransferOutcome.Refused when Calls == 0 => Refusal!.ToException(),
        TransferOutcome.ChannelRefused when Calls == 1 && Lease is null => new HypercallRefusedException(ChannelRefusal!),
        TransferOutcome.Faulted when Calls == 1 && Lease is null => new HypercallFaultException(Fault),
        _ => new TransferException(this),
    };
}
