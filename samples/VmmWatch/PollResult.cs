namespace VmmWatch;

/// <summary>What came of a poll.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Value">What the function left in RAX; 0 unless it answered.</param>
/// <param name="Message">What happened, and what to do about it. It holds no physical address.</param>
/// <param name="Duration">How long it took.</param>
public sealed record PollResult(PollOutcome Outcome, ulong Value, string Message, TimeSpan Duration)
{
    /// <summary>Whether the function answered.</summary>
    public bool IsAnswer => Outcome == PollOutcome.Answered;
}
