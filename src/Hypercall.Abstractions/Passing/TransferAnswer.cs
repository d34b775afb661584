namespace Hypercall;

/// <summary>What the registers after one call of a transfer mean.</summary>
public readonly struct TransferAnswer
{
    private TransferAnswer(long bytesDone, string? failure)
    {
        BytesDone = bytesDone;
        Failure = failure;
    }

    /// <summary>How many bytes of this call's range the function dealt with.</summary>
    public long BytesDone { get; }

    /// <summary>Why the function failed; null when it did not.</summary>
    public string? Failure { get; }

    /// <summary>The function did not fail. Fewer bytes than the call's range end the transfer as incomplete.</summary>
    /// <param name="bytes">How many bytes it dealt with.</param>
    public static TransferAnswer Done(long bytes) => new(bytes, null);

    /// <summary>The function failed.</summary>
    /// <param name="reason">Why, in words, for the error message.</param>
    /// <param name="bytes">How many bytes it dealt with before.</param>
    public static TransferAnswer Failed(string reason, long bytes = 0)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        return new TransferAnswer(bytes, reason);
    }
}
