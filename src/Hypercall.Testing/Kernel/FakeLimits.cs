namespace Hypercall.Testing;

/// <summary>
/// What the guest's kernel lets its process have: what can be pinned, locked and seen. Under the run's gate, but for what a test
/// sets.
/// </summary>
internal sealed class FakeLimits(FakeMachineOptions options)
{
    private long _lockedBytes;

    /// <summary>Whether pages can be pinned.</summary>
    public bool CanPin { get; set; } = options.CanPin;

    /// <summary>Whether more than one page can be had contiguous.</summary>
    public bool CanAllocateContiguous { get; set; } = options.CanAllocateContiguous;

    /// <summary>How much may be locked and pinned at one time, in bytes.</summary>
    public long LockLimit { get; set; } = options.LockLimit;

    /// <summary>Whether the kernel hides frame numbers from the program.</summary>
    public bool HideFrames { get; set; } = options.HideFrames;

    /// <summary>How much is locked and pinned, in bytes; a page that is held twice counts once.</summary>
    public long LockedBytes => Interlocked.Read(ref _lockedBytes);

    /// <summary>Whether some pages may be held as asked.</summary>
    /// <param name="mapping">Their mapping; null for one that is still to be made.</param>
    /// <param name="first">Index of the first page.</param>
    /// <param name="count">How many pages.</param>
    /// <param name="residency">As what.</param>
    /// <returns>Why not; null if they may.</returns>
    public GuestMemoryRefusal? Check(FakeMapping? mapping, int first, int count, Residency residency)
    {
        if (residency == Residency.Touched)
        {
            return null;
        }

        long needed = NewlyHeld(mapping, first, count);
        return residency == Residency.Pinned && !CanPin ? FakeRefusals.CannotPin
            : needed > LockLimit - LockedBytes ? FakeRefusals.OverLockLimit(LockedBytes, needed, LockLimit)
            : null;
    }

    /// <summary>
    /// Whether the frames of some pages may be told to lie in a row: one page does wherever it lies, of more the real machine
    /// claims it only where it can see the frames.
    /// </summary>
    public bool CanProve(int pages) => pages == 1 || !HideFrames;

    /// <summary>Holds pages.</summary>
    public void Hold(FakeMapping mapping, FakeHold hold)
    {
        _ = Interlocked.Add(ref _lockedBytes, NewlyHeld(mapping, hold.First, hold.Count));
        mapping.Holds.Add(hold);
    }

    /// <summary>Lets them go.</summary>
    public void LetGo(FakeMapping mapping, FakeHold hold)
    {
        _ = mapping.Holds.Remove(hold);
        _ = Interlocked.Add(ref _lockedBytes, -NewlyHeld(mapping, hold.First, hold.Count));
    }

    private static long NewlyHeld(FakeMapping? mapping, int first, int count)
    {
        if (mapping is null || mapping.Holds.Count == 0)
        {
            return (long)count << GuestPage.Shift;
        }

        long pages = 0;
        for (int page = first; page < first + count; page++)
        {
            pages += mapping.Holds.Exists(hold => hold.Covers(page)) ? 0 : 1;
        }

        return pages << GuestPage.Shift;
    }
}
