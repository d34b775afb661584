using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>How many mappings this process may still make: vm.max_map_count.</summary>
/// <remarks>
/// Counting them reads a line for each, so it is done when it could matter: the number at the last count and all that may have
/// come since make an estimate that is never too low for what is ours, and is counted anew when it nears the limit, or when the
/// count is old for what it costs.
/// <code>
///   four buffers, merged by the kernel:  [    |    |    |    ]  one mapping
///   two of them freed:                   [    ]    [    ]       two; each buffer that lives is one at most
/// </code>
/// Freeing is not refused. So each buffer counts as a mapping, merged or not.
/// </remarks>
internal sealed class MappingLimit(ILimitSource source, Func<long> milliseconds)
{
    private const long KernelsDefault = 65_530;  // DEFAULT_MAX_MAP_COUNT, include/linux/mm.h
    private const long MostReserve = 1_024;      // what a runtime maps while it compiles, starts threads and collects
    private const long WithoutProc = 4_096;      // more than a runtime has after its start
    private const int OldAfter = 250;            // milliseconds, and one more for some mappings each:
    private const int MappingsPerMillisecond = 8; // some 0.5 us each to count, so less than 1 % of the time goes into counting

    private long _limit;
    private long _estimate;
    private long _buffers; // that live
    private long _others;  // mappings that are not ours, as far as merged ones can be told apart
    private long _countedAt = long.MinValue;

    /// <summary>Grants some mappings.</summary>
    /// <param name="more">How many at most.</param>
    /// <param name="count">How many there are; true when they are refused.</param>
    /// <param name="limit">How many there may be.</param>
    /// <returns>Whether so many are left that the runtime still has its reserve.</returns>
    public bool TryTake(int more, out long count, out long limit)
    {
        if (more > 0 && (IsOld || !Fits(more)))
        {
            Count();
        }

        (count, limit) = (AtMost, _limit);
        if (more > 0 && !Fits(more))
        {
            return false;
        }

        _estimate += more;
        return true;
    }

    /// <summary>What the runtime keeps of a limit.</summary>
    /// <param name="limit">The limit.</param>
    public static long Reserve(long limit) => Math.Min(limit / 16, MostReserve);

    /// <summary>Tells of a buffer that came.</summary>
    public void Mapped() => _buffers++;

    /// <summary>Tells of a buffer that went: out of the middle of others, it leaves one mapping more.</summary>
    public void Unmapped()
    {
        _buffers--;
        _estimate++;
    }

    private long AtMost => Math.Max(_estimate, _others + _buffers);

    private bool IsOld => _countedAt == long.MinValue || milliseconds() - _countedAt > OldAfter + (_estimate / MappingsPerMillisecond);

    private bool Fits(int more) => AtMost + more <= _limit - Reserve(_limit);

    private void Count()
    {
        const string File = "/proc/sys/vm/max_map_count";
        long told = KernelText.Number(source.Read(File)) ?? KernelsDefault;
        _limit = told <= KernelsDefault || source.ReadGenuine(File, KernelFile.OnProc) is not null ? told : KernelsDefault;
        _estimate = source.CountLines("/proc/self/maps") is { } lines and > 0 ? lines : Math.Max(_others, WithoutProc) + _buffers;
        _others = Math.Clamp(_countedAt == long.MinValue ? _estimate : _others, Math.Max(0, _estimate - _buffers), _estimate);
        _countedAt = milliseconds();
    }
}
