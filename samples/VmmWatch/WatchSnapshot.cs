namespace VmmWatch;

/// <summary>All that is known at one moment.</summary>
public sealed record WatchSnapshot
{
    /// <summary>How many polls ended.</summary>
    public long Polls { get; init; }

    /// <summary>How many of the last ones brought no answer, one after another.</summary>
    public int ConsecutiveFailures { get; init; }

    /// <summary>The last poll that ended; null before the first.</summary>
    public PollResult? Last { get; init; }

    /// <summary>When the last answer came; null before the first.</summary>
    public DateTimeOffset? LastSuccess { get; init; }

    /// <summary>What the last answer was; null before the first.</summary>
    public ulong? LastValue { get; init; }

    /// <summary>When the call started that has not come back yet; null between two calls.</summary>
    public DateTimeOffset? CallStarted { get; init; }

    /// <summary>
    /// The same by <see cref="TimeProvider.GetTimestamp"/>: guests are suspended and moved, and their wall clocks jump.
    /// </summary>
    public long? CallTimestamp { get; init; }
}
