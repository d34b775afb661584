using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Writes to pages without changing them, so that each is present and the process's own.</summary>
internal static unsafe class PageToucher
{
    // Asked of the kernel once: EINVAL means either "advice unknown" or "not writable", and only a page of our own tells which.
    private static readonly Lazy<bool> KernelPopulates = new(static () =>
    {
        nuint page = LinuxMemory.Map(GuestPage.Size, Libc.MapPrivate | Libc.MapAnonymous);
        if (page == 0)
        {
            return false;
        }

        int error = LinuxMemory.Advise(page, GuestPage.Size, Libc.AdvisePopulateWrite);
        LinuxMemory.Unmap(page, GuestPage.Size);
        return error == 0;
    });

    /// <summary>Touches the pages.</summary>
    /// <param name="pages">The pages.</param>
    /// <param name="first">An address in the first page.</param>
    /// <returns>Why it cannot; null when it did.</returns>
    public static GuestMemoryRefusal? Touch(PageSpan pages, nuint first)
    {
        int error = TryTouch(pages, first);
        return error == 0 ? null : LinuxRefusals.Touch(pages, error);
    }

    /// <summary>Touches the pages.</summary>
    /// <param name="pages">The pages.</param>
    /// <param name="first">An address in the first page.</param>
    /// <param name="byStore">True to do without the kernel's help, as before Linux 5.14.</param>
    /// <returns>0, or an errno as madvise(MADV_POPULATE_WRITE) gives it.</returns>
    public static int TryTouch(PageSpan pages, nuint first, bool byStore = false)
    {
        if (!byStore && KernelPopulates.Value)
        {
            return LinuxMemory.Advise(pages.Start, pages.Length, Libc.AdvisePopulateWrite);
        }

        // A store into a page that may not be written to is a signal, and the runtime's only answer to it is the end of the process: look first.
        // What looking cannot see is a page beyond the end of its file, which still raises SIGBUS.
        int error = FindObstacle(pages);
        if (error == 0)
        {
            Store(pages, first);
        }

        return error;
    }

    // An atomic OR of 0 changes nothing, whoever else writes to the word at the same time.
    private static void Store(PageSpan pages, nuint first)
    {
        for (nuint page = pages.Start; page < pages.End; page += GuestPage.Size)
        {
            _ = Interlocked.Or(ref *(int*)(Math.Max(page, first) & ~(nuint)3), 0);
        }
    }

    private static int FindObstacle(PageSpan pages)
    {
        nuint at = pages.Start;
        foreach (ProcessMapping mapping in ProcessMapping.Read())
        {
            if (mapping.End <= at)
            {
                continue;
            }

            if (mapping.Start > at)
            {
                return Errno.ENOMEM;
            }

            if (!mapping.IsWritable)
            {
                return Errno.EINVAL;
            }

            at = mapping.End;
            if (at >= pages.End)
            {
                return 0;
            }
        }

        return Errno.ENOMEM;
    }
}
