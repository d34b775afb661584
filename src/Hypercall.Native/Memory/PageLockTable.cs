using System.Runtime.CompilerServices;
using Hypercall.Native.Interop;
using Segment = (nuint Start, nuint End, System.Runtime.CompilerServices.StrongBox<int>? Count, bool IsForeign);
using State = System.Tuple<
    System.Collections.Generic.SortedSet<(nuint Start, nuint End, System.Runtime.CompilerServices.StrongBox<int>? Count, bool IsForeign)>,
    System.Runtime.CompilerServices.StrongBox<long>>;

namespace Hypercall.Native;

/// <summary>
/// Counts the locks on each page of this process, because the kernel does not: one munlock undoes any number of mlocks.
/// </summary>
/// <remarks>
/// <code>
///   window A:   |#########|
///   window B:        |#########|
///   segments:   [ 1 ][ 2  ][ 1 ]     by address, no two overlap; a range of a gigabyte is one segment, not 262,144 entries
/// </code>
/// A page that somebody else had locked before us (mlock by the application, mlockall) is <c>Foreign</c>: it is counted, and
/// never unlocked. The segments, and the lock that guards them, are shared by all copies of this library in the runtime: what one
/// copy's window still counts on, another copy's does not unlock.
/// </remarks>
internal sealed class PageLockTable
{
    private readonly IPageLocker _locker;
    private readonly SortedSet<Segment> _segments;
    private readonly StrongBox<long> _ownBytes;

    /// <summary>A table of its own.</summary>
    /// <param name="locker">Locks and unlocks pages.</param>
    public PageLockTable(IPageLocker locker)
        : this(locker, NewState())
    {
    }

    /// <summary>A table over a state that others may have, too.</summary>
    /// <param name="locker">Locks and unlocks pages.</param>
    /// <param name="state">The state.</param>
    public PageLockTable(IPageLocker locker, State state)
    {
        _locker = locker;
        (_segments, _ownBytes) = state;
    }

    /// <summary>The table of this process: one for all copies of this library.</summary>
    /// <param name="locker">Locks and unlocks pages.</param>
    public static PageLockTable Shared(IPageLocker locker) => new(locker, RuntimeShared.GetOrAdd("PageLocks", 1, NewState));

    /// <summary>How many segments there are.</summary>
    public int Segments
    {
        get
        {
            lock (_segments)
            {
                return _segments.Count;
            }
        }
    }

    /// <summary>Locks the pages and counts them.</summary>
    /// <param name="pages">The pages.</param>
    /// <returns>0, or the error of the operating system; then nothing changed.</returns>
    public int TryLock(PageSpan pages)
    {
        lock (_segments)
        {
            List<PageSpan> foreign = _locker.FindLocked(pages, _ownBytes.Value);

            // Pages that are counted already are locked again: it costs little, and heals a count left by memory that was
            // unmapped under its window.
            int error = _locker.TryLock(pages);
            if (error != 0)
            {
                foreach (PageSpan gap in Gaps(pages))
                {
                    UnlockExcept(gap, foreign); // a failing lock may have locked the front of the range
                }

                return error;
            }

            Add(pages, foreign);
            return 0;
        }
    }

    /// <summary>Counts pages of a fresh mapping, which was locked already and which no one else can know.</summary>
    /// <param name="pages">The pages.</param>
    public void AddLocked(PageSpan pages)
    {
        lock (_segments)
        {
            Add(pages, []);
        }
    }

    /// <summary>Takes one count from each page, and unlocks those that have none left.</summary>
    /// <param name="pages">The pages, as they were locked.</param>
    /// <param name="unlock">False if the mapping goes anyway.</param>
    public void Unlock(PageSpan pages, bool unlock = true)
    {
        lock (_segments)
        {
            Split(pages.Start);
            Split(pages.End);
            foreach (Segment segment in Within(pages))
            {
                if (--segment.Count!.Value > 0)
                {
                    continue;
                }

                _ = _segments.Remove(segment);
                if (!segment.IsForeign)
                {
                    _ownBytes.Value -= (long)(segment.End - segment.Start);
                    if (unlock)
                    {
                        _locker.Unlock(new PageSpan(segment.Start, segment.End));
                    }
                }
            }

            Merge(pages.Start);
            Merge(pages.End);
        }
    }

    private void Add(PageSpan pages, List<PageSpan> foreign)
    {
        Split(pages.Start);
        Split(pages.End);
        List<PageSpan> gaps = Gaps(pages);
        foreach (Segment segment in Within(pages))
        {
            segment.Count!.Value++;
        }

        foreach (PageSpan gap in gaps)
        {
            nuint at = gap.Start;
            foreach (PageSpan theirs in foreign)
            {
                nuint start = Math.Max(theirs.Start, gap.Start);
                nuint end = Math.Min(theirs.End, gap.End);
                if (start < end)
                {
                    Insert(at, start, foreign: false);
                    Insert(start, end, foreign: true);
                    at = end;
                }
            }

            Insert(at, gap.End, foreign: false);
        }

        Merge(pages.Start);
        Merge(pages.End);
    }

    private void Insert(nuint start, nuint end, bool foreign)
    {
        if (start < end)
        {
            _ = _segments.Add((start, end, new StrongBox<int>(1), foreign));
            _ownBytes.Value += foreign ? 0 : (long)(end - start);
        }
    }

    private void UnlockExcept(PageSpan gap, List<PageSpan> foreign)
    {
        nuint at = gap.Start;
        foreach (PageSpan theirs in foreign)
        {
            nuint start = Math.Clamp(theirs.Start, at, gap.End);
            UnlockSome(at, start);
            at = Math.Clamp(theirs.End, at, gap.End);
        }

        UnlockSome(at, gap.End);

        void UnlockSome(nuint start, nuint end)
        {
            if (start < end)
            {
                _locker.Unlock(new PageSpan(start, end));
            }
        }
    }

    private List<Segment> Within(PageSpan pages) => [.. _segments.GetViewBetween(Least(pages.Start), Most(pages.End - 1))];

    private List<PageSpan> Gaps(PageSpan pages)
    {
        List<PageSpan> gaps = [];
        nuint at = pages.Start;
        if (Floor(at) is { } first && first.End > at)
        {
            at = first.End;
        }

        foreach (Segment segment in Within(pages))
        {
            if (segment.Start > at)
            {
                gaps.Add(new PageSpan(at, segment.Start));
            }

            at = Math.Max(at, segment.End);
        }

        if (at < pages.End)
        {
            gaps.Add(new PageSpan(at, pages.End));
        }

        return gaps;
    }

    private void Split(nuint at)
    {
        if (Floor(at) is { } segment && segment.Start < at && at < segment.End)
        {
            _ = _segments.Remove(segment);
            _ = _segments.Add(segment with { End = at });
            _ = _segments.Add(segment with { Start = at, Count = new StrongBox<int>(segment.Count!.Value) });
        }
    }

    private void Merge(nuint at)
    {
        if (at != 0 && Floor(at) is { } right && right.Start == at && Floor(at - 1) is { } left && left.End == at
            && left.Count!.Value == right.Count!.Value && left.IsForeign == right.IsForeign)
        {
            _ = _segments.Remove(left);
            _ = _segments.Remove(right);
            _ = _segments.Add(left with { End = right.End });
        }
    }

    private Segment? Floor(nuint at) => _segments.GetViewBetween(Least(0), Most(at)).Max is { End: > 0 } segment ? segment : null;

    // Tuples are ordered by their first elements; no two segments start alike, and none ends as these do, so counts are never
    // compared.
    private static Segment Least(nuint start) => (start, nuint.MinValue, null, false);

    private static Segment Most(nuint start) => (start, nuint.MaxValue, null, true);

    /// <summary>A state without a lock. It has only types of the base class library, as what copies share must.</summary>
    public static State NewState() => new([], new StrongBox<long>());
}
