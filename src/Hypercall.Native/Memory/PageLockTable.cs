namespace Hypercall.Native;

/// <summary>Counts the locks on each page of this process, because the kernel does not: one munlock undoes any number of mlocks.</summary>
/// <remarks>
/// <code>
///   window A:   |#########|
///   window B:        |#########|
///   segments:   [ 1 ][ 2  ][ 1 ]     by address, no two overlap; a range of a gigabyte is one segment, not 262,144 entries
/// </code>
/// A page that somebody else had locked before us (mlock by the application, mlockall) is <c>Foreign</c>: it is counted, and never unlocked.
/// </remarks>
/// <param name="locker">Locks and unlocks pages.</param>
internal sealed class PageLockTable(IPageLocker locker)
{
    private readonly object _gate = new();
    private readonly SortedSet<Segment> _segments = new(Comparer<Segment>.Create((left, right) => left.Start.CompareTo(right.Start)));
    private long _ownBytes;

    /// <summary>How many segments there are.</summary>
    public int Segments
    {
        get
        {
            lock (_gate)
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
        lock (_gate)
        {
            List<PageSpan> foreign = locker.FindLocked(pages, _ownBytes);

            // Pages that are counted already are locked again: it costs little, and heals a count left by memory that was unmapped under its window.
            int error = locker.TryLock(pages);
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
        lock (_gate)
        {
            Add(pages, []);
        }
    }

    /// <summary>Takes one count from each page, and unlocks those that have none left.</summary>
    /// <param name="pages">The pages, as they were locked.</param>
    /// <param name="unlock">False if the mapping goes anyway.</param>
    public void Unlock(PageSpan pages, bool unlock = true)
    {
        lock (_gate)
        {
            Split(pages.Start);
            Split(pages.End);
            foreach (Segment segment in Within(pages))
            {
                if (--segment.Count > 0)
                {
                    continue;
                }

                _ = _segments.Remove(segment);
                if (!segment.Foreign)
                {
                    _ownBytes -= (long)(segment.End - segment.Start);
                    if (unlock)
                    {
                        locker.Unlock(new PageSpan(segment.Start, segment.End));
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
            segment.Count++;
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
            _ = _segments.Add(new Segment { Start = start, End = end, Count = 1, Foreign = foreign });
            _ownBytes += foreign ? 0 : (long)(end - start);
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
                locker.Unlock(new PageSpan(start, end));
            }
        }
    }

    private List<Segment> Within(PageSpan pages) => [.. _segments.GetViewBetween(Key(pages.Start), Key(pages.End - 1))];

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
            _ = _segments.Add(new Segment { Start = at, End = segment.End, Count = segment.Count, Foreign = segment.Foreign });
            segment.End = at;
        }
    }

    private void Merge(nuint at)
    {
        if (at != 0 && Floor(at) is { } right && right.Start == at && Floor(at - 1) is { } left && left.End == at
            && left.Count == right.Count && left.Foreign == right.Foreign)
        {
            left.End = right.End;
            _ = _segments.Remove(right);
        }
    }

    private Segment? Floor(nuint at) => _segments.GetViewBetween(Key(0), Key(at)).Max;

    private static Segment Key(nuint start) => new() { Start = start };

    private sealed class Segment
    {
        public required nuint Start { get; init; }

        public nuint End { get; set; }

        public int Count { get; set; }

        public bool Foreign { get; init; }
    }
}
