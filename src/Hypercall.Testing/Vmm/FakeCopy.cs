namespace Hypercall.Testing;

/// <summary>What became of a copy from or to guest virtual memory.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="BytesDone">How many bytes were copied, from the first on.</param>
public readonly record struct FakeCopy(FakeCopyOutcome Outcome, long BytesDone)
{
    /// <summary>Whether all bytes were copied.</summary>
    public bool IsCompleted => Outcome == FakeCopyOutcome.Completed;
}
