namespace Hypercall;

/// <summary>
/// The calls that are in the VMM at this moment: when each began. Takes no lock, and allocates only when more calls overlap
/// than ever before.
/// </summary>
/// <remarks>
/// <code>
///   places   [ began | 0 | began | ... ] -> [ 0 | ... ]       0: free
///              ^ a cache line each           made when all before are taken
/// </code>
/// </remarks>
internal sealed class CallsInFlight
{
    private const int Places = 16;
    private const int Apart = 8; // a cache line of 64 bytes in longs, so that two threads do not write to the same one

    private readonly long[] _began = new long[Places * Apart];
    private CallsInFlight? _more;

    /// <summary>A call begins.</summary>
    /// <param name="timestamp">When, by the clock that <see cref="Look"/> is compared with.</param>
    public Place Enter(long timestamp)
    {
        long began = timestamp == 0 ? 1 : timestamp;
        int first = Environment.CurrentManagedThreadId;
        CallsInFlight calls = this;
        while (true)
        {
            for (int i = 0; i < Places; i++)
            {
                int index = (first + i) % Places * Apart;
                ref long place = ref calls._began[index];
                if (Volatile.Read(ref place) == 0 && Interlocked.CompareExchange(ref place, began, 0) == 0)
                {
                    return new Place(calls._began, index);
                }
            }

            calls = calls.GetMore();
        }
    }

    /// <summary>How many calls there are, and when the oldest began; 0 when there is none.</summary>
    public (int Count, long Oldest) Look()
    {
        int count = 0;
        long oldest = 0;
        for (CallsInFlight? calls = this; calls is not null; calls = Volatile.Read(ref calls._more))
        {
            for (int i = 0; i < calls._began.Length; i += Apart)
            {
                long began = Volatile.Read(ref calls._began[i]);
                if (began != 0)
                {
                    count++;
                    oldest = oldest == 0 ? began : Math.Min(oldest, began);
                }
            }
        }

        return (count, oldest);
    }

    private CallsInFlight GetMore() =>
        Volatile.Read(ref _more) ?? Interlocked.CompareExchange(ref _more, new CallsInFlight(), null) ?? _more;

    /// <summary>The place of one call.</summary>
    public readonly struct Place(long[] began, int index)
    {
        /// <summary>The call has returned.</summary>
        public void Leave() => Volatile.Write(ref began[index], 0);
    }
}
