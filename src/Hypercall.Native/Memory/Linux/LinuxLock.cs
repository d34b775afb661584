using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>mlock, believed when it locks: a filter, an interposer or an emulated kernel may answer 0 and do nothing.</summary>
internal static class LinuxLock
{
    private const int NotKnown = 0;
    private const int Locks = 1;
    private const int DoesNot = 2;

    private static volatile int does; // what a page of our own has shown

    /// <returns>0, the error, or <see cref="Errno.NotDone"/>.</returns>
    public static int TryLock(PageSpan pages)
    {
        int known = does;
        if (known == NotKnown)
        {
            does = known = Look();
        }

        return known == DoesNot ? Errno.NotDone : LinuxMemory.Lock(pages.Start, pages.Length);
    }

    private static int Look()
    {
        nuint page = LinuxMemory.Map(GuestPage.Size, Libc.MapPrivate | Libc.MapAnonymous);
        if (page == 0)
        {
            return NotKnown;
        }

        try
        {
            LinuxMemory.Unlock(page, GuestPage.Size); // mlockall(MCL_FUTURE) locks it at once
            int before = LinuxMemory.AskLocked(page);
            long? lockedBefore = LinuxProcess.TryLockedBytes;
            if (LinuxMemory.Lock(page, GuestPage.Size) != 0)
            {
                return NotKnown; // as the limit may be: the caller's own pages will tell
            }

            int after = LinuxMemory.AskLocked(page);
            if (before == 0 && after == Errno.EBUSY)
            {
                return Locks;
            }

            // Where msync is refused and there is no /proc, mlock is believed. Fewer bytes than before are another thread's
            // doing.
            return LinuxProcess.TryLockedBytes is { } locked && lockedBefore is { } earlier
                ? locked > earlier ? Locks : locked == earlier ? DoesNot : NotKnown
                : after != 0 ? Locks : DoesNot;
        }
        finally
        {
            LinuxMemory.Unmap(page, GuestPage.Size);
        }
    }
}
