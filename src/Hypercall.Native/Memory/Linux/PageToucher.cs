using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Writes to pages without changing them, so that each is present and the process's own.</summary>
internal static unsafe class PageToucher
{
    // Asked of the kernel once: EINVAL means either "advice unknown" or "not writable", and only a page of our own tells which. A
    // kernel that answers 0 is believed when the page was absent before and is present now; one that cannot be made absent shows
    // nothing.
    private static readonly Lazy<bool> KernelPopulates = new(static () =>
    {
        nuint page = LinuxMemory.Map(GuestPage.Size, Libc.MapPrivate | Libc.MapAnonymous);
        if (page == 0)
        {
            return false;
        }

        LinuxMemory.Unlock(page, GuestPage.Size); // mlockall(MCL_FUTURE) makes it present at once, and keeps it
        _ = LinuxMemory.Advise(page, GuestPage.Size, Libc.AdviseDontNeed);
        bool wasPresent = IsPresent(page);
        bool populates = LinuxMemory.Advise(page, GuestPage.Size, Libc.AdvisePopulateWrite) == 0 && (wasPresent || IsPresent(page));
        LinuxMemory.Unmap(page, GuestPage.Size);
        return populates;
    });

    /// <summary>Touches the pages.</summary>
    /// <param name="pages">The pages.</param>
    /// <param name="first">An address in the first page.</param>
    /// <returns>Why it cannot; null when it did.</returns>
    public static GuestMemoryRefusal? Touch(PageSpan pages, nuint first) =>
        TryTouch(pages, first, out PinFailure failure) ? null : LinuxRefusals.Of(failure, pages);

    /// <summary>Touches the pages.</summary>
    /// <param name="pages">The pages.</param>
    /// <param name="first">An address in the first page.</param>
    /// <param name="failure">The call that failed. Its errno is as madvise(MADV_POPULATE_WRITE) gives it: ENOMEM not mapped,
    /// EINVAL not writable, EFAULT no page to be had.</param>
    /// <param name="oneByOne">True to do without madvise, as before Linux 5.14 and in a sandbox that refuses it.</param>
    public static bool TryTouch(PageSpan pages, nuint first, out PinFailure failure, bool oneByOne = false)
    {
        int error = oneByOne || !KernelPopulates.Value ? Errno.ENOSYS : LinuxMemory.Advise(pages.Start, pages.Length, Libc.AdvisePopulateWrite);
        failure = new PinFailure(LinuxCall.Populate, error);
        if (error is Errno.ENOSYS or Errno.EPERM)
        {
            error = OneByOne(pages, first);
            failure = new PinFailure(LinuxCall.AtomicOr, error);
        }

        return error == 0;
    }

    // A store into a page that cannot be had is a signal, and the runtime's only answer to it is the end of the process: so the
    // kernel is asked to store.
    private static int OneByOne(PageSpan pages, nuint first)
    {
        for (nuint page = pages.Start; page < pages.End; page += GuestPage.Size)
        {
            int error = LinuxMemory.OrZero((int*)(Math.Max(page, first) & ~(nuint)3));
            if (error != 0)
            {
                return error == Errno.EFAULT ? Explain(new PageSpan(page, page + GuestPage.Size)) : error;
            }
        }

        return 0;
    }

    private static int Explain(PageSpan page)
    {
        if (!LinuxMemory.IsMapped(page))
        {
            return Errno.ENOMEM;
        }

        ProcessMapping? mapping = ProcessMapping.Read().FirstOrDefault(mapping => mapping.Start <= page.Start && page.Start < mapping.End);
        return mapping is { IsWritable: false } ? Errno.EINVAL : Errno.EFAULT;
    }

    private static bool IsPresent(nuint page)
    {
        byte answer = 0;
        return Libc.MemoryInCore(page, GuestPage.Size, &answer) == 0 && (answer & 1) != 0;
    }
}
