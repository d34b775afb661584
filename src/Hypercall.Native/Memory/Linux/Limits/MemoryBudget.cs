namespace Hypercall.Native;

/// <summary>
/// Holds what is asked against what the kernel enforces, before it is asked of the kernel: which answers some of these by
/// killing.
/// </summary>
/// <remarks>
/// <code>
///   left at the last reading:  [ taken since | asked for |      ...half of it...      |  the other half  | reserve ]
///                                            as long as it ends here, nothing is read
/// </code>
/// Limits are read anew when what was handed out since the last reading could matter, or when that is a while ago: others take
/// memory, too. So a small buffer costs no reading, and many small ones are counted all the same. What was granted and is not yet
/// taken counts against who comes in between.
/// </remarks>
internal sealed class MemoryBudget(ILimitSource source, Func<long> milliseconds)
{
    private const int OldAfter = 250; // milliseconds; a reading costs some 0.3 ms

    private readonly object _gate = new();
    private readonly CgroupLimits _cgroups = new(source);
    private readonly MappingLimit _mappings = new(source, milliseconds);
    private MemoryLimit[] _limits = [];
    private long _live;             // bytes of buffers that there are
    private MemoryDemand _taken;    // since the last reading
    private MemoryDemand _inFlight; // granted, and perhaps not yet taken
    private long _readAt = long.MinValue;
    private bool _isStale;          // the last reading could not be made

    /// <summary>The budget of this process.</summary>
    public static MemoryBudget Process { get; } = new(new KernelLimitSource(), static () => Environment.TickCount64);

    /// <summary>Grants memory that is about to be taken.</summary>
    /// <param name="asked">What the caller asked for, in bytes, for the message.</param>
    /// <param name="demand">What it takes.</param>
    /// <param name="claim">To be disposed when the memory was taken, or will not be.</param>
    /// <returns>Why it is not granted; null if it is.</returns>
    public GuestMemoryRefusal? TryClaim(long asked, MemoryDemand demand, out MemoryClaim claim)
    {
        claim = default;
        lock (_gate)
        {
            long now = milliseconds();
            if (_readAt == long.MinValue || now - _readAt > OldAfter || FindTight(demand, _taken, share: 2) is not null)
            {
                while (Read(now) && FindTight(demand, _taken, share: 1) is not null)
                {
                    // What others are taking right now may be in the reading already, in part or whole: only what they leave when
                    // they are done is known.
                    if (_inFlight == default || FindTight(demand, default, share: 1) is not null)
                    {
                        return LimitRefusals.Passed(FindTight(demand, _taken, share: 1)!, asked, demand);
                    }

                    _ = Monitor.Wait(_gate);
                }
            }

            if (!_mappings.TryTake(demand.Mappings, out long count, out long most))
            {
                return LimitRefusals.TooManyMappings(asked, count, most);
            }

            _taken += demand;
            _inFlight += demand;
            claim = new MemoryClaim(this, demand);
            return null;
        }
    }

    /// <summary>What was granted was taken, and the next reading shows it.</summary>
    /// <param name="demand">What was granted.</param>
    public void Settle(MemoryDemand demand)
    {
        lock (_gate)
        {
            _inFlight -= demand;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>A buffer came.</summary>
    /// <param name="bytes">Its length, without pages of the pool.</param>
    public void Mapped(long bytes)
    {
        lock (_gate)
        {
            _live += bytes;
            _mappings.Mapped();
        }
    }

    /// <summary>A buffer went.</summary>
    /// <param name="bytes">Its length, without pages of the pool.</param>
    public void Unmapped(long bytes)
    {
        lock (_gate)
        {
            _live -= bytes;
            _mappings.Unmapped();
            if (_isStale)
            {
                long back = Math.Clamp(_taken.Memory - _inFlight.Memory, 0, bytes);
                _taken -= MemoryDemand.Of(LinuxMapping.Pages, back, Residency.Locked);
            }
        }
    }

    private bool Read(long now)
    {
        // Without a descriptor to read them with, limits bind as they were told last, against all that was taken since.
        int notOpened = source.NotOpened;
        MemoryLimit[] limits = [.. SystemLimits.Read(source), .. _cgroups.Read(), .. ProcessLimits.Read(source)];
        _isStale = source.NotOpened != notOpened && _readAt != long.MinValue;
        _readAt = now;
        if (_isStale)
        {
            return true;
        }

        _limits = limits;
        _taken = _inFlight;
        return true;
    }

    // The limit that is passed by most, with a share of what is free.
    private MemoryLimit? FindTight(MemoryDemand demand, MemoryDemand taken, int share)
    {
        long ours = _live + Math.Max(demand.Memory, demand.Address);
        MemoryLimit? tight = null;
        long least = 0;
        foreach (MemoryLimit limit in _limits)
        {
            long wanted = demand.Against(limit.Kind);
            long over = (limit.Free(demand.MaySwap, ours) / share) - wanted - taken.Against(limit.Kind);
            if (wanted > 0 && over < least)
            {
                (tight, least) = (limit, over);
            }
        }

        return tight;
    }
}
