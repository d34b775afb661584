namespace Hypercall.Testing;

/// <summary>What became of a VMM's copy by guest virtual address.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="BytesDone">How many bytes are copied, from the start.</param>
public readonly record struct FakeCopy(FakeCopyOutcome Outcome, long BytesDone)
{
    /// <summary>Whether all bytes are copied.</summary>
    public bool IsCompleted => Outcome == FakeCopyOutcome.Completed;
}
