namespace VmmWatch;

/// <summary>What the watcher has seen so far. The watcher writes, anybody reads.</summary>
public sealed class WatchState(TimeProvider time)
{
    private volatile WatchSnapshot _snapshot = new();

    /// <summary>All that is known now.</summary>
    public WatchSnapshot Snapshot => _snapshot;

    /// <summary>A call begins.</summary>
    public void Begin() => _snapshot = _snapshot with { CallStarted = time.GetUtcNow(), CallTimestamp = time.GetTimestamp() };

    /// <summary>The call ended.</summary>
    /// <param name="result">What came of it.</param>
    public void End(PollResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        WatchSnapshot before = _snapshot;
        _snapshot = before with
        {
            Polls = before.Polls + 1,
            ConsecutiveFailures = result.IsAnswer ? 0 : before.ConsecutiveFailures + 1,
            Last = result,
            LastSuccess = result.IsAnswer ? time.GetUtcNow() : before.LastSuccess,
            LastValue = result.IsAnswer ? result.Value : before.LastValue,
            CallStarted = null,
            CallTimestamp = null,
        };
    }
}
