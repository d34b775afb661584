using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>mlock and munlock.</summary>
internal sealed class LinuxPageLocker : IPageLocker
{
    /// <summary>The locks of this process, of all copies of this library together.</summary>
    public static PageLockTable Process { get; } = PageLockTable.Shared(new LinuxPageLocker());

    public int TryLock(PageSpan pages) => LinuxLock.TryLock(pages);

    public void Unlock(PageSpan pages) => LinuxMemory.Unlock(pages.Start, pages.Length);

    // Nothing is found where nobody mounted /proc, as early in a boot: then nobody else has locked much either.
    public List<PageSpan> FindLocked(PageSpan pages, long ownBytes) => LinuxProcess.LockedBytes == ownBytes
        ? []
        : [.. ProcessMapping.ReadWithFlags()
            .TakeWhile(mapping => mapping.Start < pages.End)
            .Where(mapping => mapping.End > pages.Start && mapping.IsLocked)
            .Select(mapping => new PageSpan(Math.Max(mapping.Start, pages.Start), Math.Min(mapping.End, pages.End)))];
}
