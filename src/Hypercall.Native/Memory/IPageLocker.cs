namespace Hypercall.Native;

/// <summary>Locks pages the way an operating system does: without counting.</summary>
internal interface IPageLocker
{
    /// <summary>Locks pages.</summary>
    /// <param name="pages">The pages.</param>
    /// <returns>0, or the error of the operating system.</returns>
    int TryLock(PageSpan pages);

    /// <summary>Unlocks pages; what is not mapped any more is none of its concern.</summary>
    /// <param name="pages">The pages.</param>
    void Unlock(PageSpan pages);

    /// <summary>Finds pages that are locked at this moment.</summary>
    /// <param name="pages">Where to look.</param>
    /// <param name="ownBytes">How many bytes of the whole process the asker has locked: if no more are locked, nobody else locked
    /// any.</param>
    /// <returns>Ascending ranges inside of <paramref name="pages"/>; the asker tells its own from the others'.</returns>
    List<PageSpan> FindLocked(PageSpan pages, long ownBytes);
}
