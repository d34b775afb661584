using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>mlock, believed when it locks: a filter, an interposer or an emulated kernel may answer 0 and do nothing.</summary>
internal static class LinuxLock
{
    private static bool? locks; // whether mlock does what it says; null until a page of our own has shown it

    /// <returns>0, the error, or <see cref="Errno.NotDone"/>.</returns>
    public static int TryLock(PageSpan pages)
    {
        locks ??= Look();
        return locks == false ? Errno.NotDone : LinuxMemory.Lock(pages.Start, pages.Length);
    }

    private static bool? Look()
    {
        nuint page = LinuxMemory.Map(GuestPage.Size, Libc.MapPrivate | Libc.MapAnonymous);
        if (page == 0)
        {
            return null;
        }

        try
        {
            int before = LinuxMemory.AskLocked(page);
            if (LinuxMemory.Lock(page, GuestPage.Size) != 0)
            {
                return null; // as the limit may be: the caller's own pages will tell
            }

            int after = LinuxMemory.AskLocked(page);
            return before == 0 && after == Errno.EBUSY
                || (LinuxProcess.TryLockedBytes is { } locked ? locked > 0 : after != 0); // where msync is refused and there is no /proc, mlock is believed
        }
        finally
        {
            LinuxMemory.Unmap(page, GuestPage.Size);
        }
    }
}
