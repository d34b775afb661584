namespace Hypercall.Testing;

/// <summary>What became of a copy from or to guest virtual memory.</summary>
public readonly struct FakeCopy
{
    internal FakeCopy(FakeCopyOutcome outcome, long bytesDone)
    {
        Outcome = outcome;
        BytesDone = bytesDone;
    }

    /// <summary>How it ended.</summary>
    public FakeCopyOutcome Outcome { get; }

    /// <summary>How many bytes were copied, from the first on.</summary>
    public long BytesDone { get; }

    /// <summary>Whether all bytes were copied.</summary>
    public bool IsCompleted => Outcome == FakeCopyOutcome.Completed;
}
