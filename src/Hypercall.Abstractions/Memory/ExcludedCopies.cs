namespace Hypercall;

/// <summary>Copies of a process's memory that the operating system makes, and that a buffer is kept out of.</summary>
[Flags]
public enum ExcludedCopies
{
    /// <summary>None: it is in all of them, as any memory of the process is.</summary>
    None = 0,

    /// <summary>
    /// Core dumps that the kernel writes (Linux MADV_DONTDUMP). A dump that the runtime writes may hold it all the same.
    /// </summary>
    CoreDumps = 1,

    /// <summary>
    /// Forked children (Linux MADV_DONTFORK). If a buffer lacks this flag, do not fork except to execute a program: after a fork,
    /// the next store of this process moves a page away from its frame, pinned or not, and a VMM that was told the frame goes on
    /// using it.
    /// </summary>
    ForkedChildren = 2,
}
