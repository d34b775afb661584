using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>VirtualLock and VirtualUnlock.</summary>
internal sealed unsafe class WindowsPageLocker : IPageLocker
{
    private const nuint Slack = 64 * GuestPage.Size; // what else must stay resident while the pages are locked

    /// <summary>The locks of this process, of all copies of this library together.</summary>
    public static PageLockTable Process { get; } = PageLockTable.Shared(new WindowsPageLocker());

    public int TryLock(PageSpan pages)
    {
        if (WindowsMemory.Lock(pages.Start, pages.Length) != 0)
        {
            return 0;
        }

        int error = Marshal.GetLastPInvokeError();
        if (error != WindowsMemory.WorkingSetQuota)
        {
            return error;
        }

        // A process may lock a little less than its minimum working set, 200 KiB unless it asks for more: ask.
        nint process = Kernel32.GetCurrentProcess();
        nuint minimum;
        nuint maximum;
        return WindowsMemory.GetWorkingSet(process, &minimum, &maximum) != 0
            && WindowsMemory.SetWorkingSet(process, minimum + pages.Length + Slack, Math.Max(maximum, minimum) + pages.Length + Slack) != 0
            && WindowsMemory.Lock(pages.Start, pages.Length) != 0
            ? 0
            : error;
    }

    public void Unlock(PageSpan pages) => _ = WindowsMemory.Unlock(pages.Start, pages.Length);

    // Windows does not tell which pages are locked: a lock that the application took itself on the same page is lost with ours.
    public List<PageSpan> FindLocked(PageSpan pages, long ownBytes) => [];
}
