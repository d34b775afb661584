namespace Hypercall;

/// <summary>
/// How the registers after one call of a transfer mean bytes done, and failure. Only the function's own documentation tells; so
/// every transfer asks for one. What the convention itself calls a failure is one before any rule is asked.
/// </summary>
public sealed class TransferRule
{
    private readonly TransferJudge _judge;

    private TransferRule(string description, TransferJudge judge)
    {
        Description = description;
        _judge = judge;
    }

    /// <summary>
    /// A call that completed has done all its bytes. A VMM that stopped at an absent page, or does not know the number, looks the
    /// same: for functions that cannot fail.
    /// </summary>
    public static TransferRule CompletedMeansAll { get; } = new("completed means all", static (in _, length) => TransferAnswer.Done(length));

    /// <summary>RAX = 0 means that all bytes of the call are done; any other value is a failure.</summary>
    public static TransferRule ZeroMeansAll { get; } = new("RAX = 0 means all", static (in registers, length) => registers.Rax == 0
        ? TransferAnswer.Done(length)
        : TransferAnswer.Failed(FormattableString.Invariant($"it returned RAX = 0x{registers.Rax:x} ({(long)registers.Rax}).")));

    /// <summary>The rule in a few words.</summary>
    public string Description { get; }

    /// <summary>A field holds the number of bytes that are done. More than the call was given is a failure.</summary>
    /// <param name="field">The field: a register, or some bits of one.</param>
    public static TransferRule BytesIn(RegisterField field) => new($"bytes in {field}", (in registers, length) => field.Read(in registers) is var bytes && bytes <= (ulong)length
        ? TransferAnswer.Done((long)bytes)
        : TransferAnswer.Failed(FormattableString.Invariant($"{field} = 0x{bytes:x} ({(long)bytes}) is no number of bytes: the call was given {length}.")));

    /// <summary>A rule of one's own.</summary>
    /// <param name="description">The rule in a few words, for people.</param>
    /// <param name="judge">What the registers mean.</param>
    public static TransferRule Create(string description, TransferJudge judge)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(description);
        ArgumentNullException.ThrowIfNull(judge);
        return new TransferRule(description, judge);
    }

    /// <summary>What the registers after one call mean.</summary>
    /// <param name="registers">The registers after the call.</param>
    /// <param name="length">How many bytes the call was given.</param>
    public TransferAnswer Judge(in HypercallRegisters registers, long length) => _judge(in registers, length);

    /// <inheritdoc/>
    public override string ToString() => Description;
}
