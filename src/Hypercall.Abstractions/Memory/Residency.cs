namespace Hypercall;

/// <summary>What holds a page where it is, from weakest to strongest.</summary>
public enum Residency
{
    /// <summary>
    /// Written to, and no more: the frame is the process's own (not the shared zero page, not a copy-on-write page of somebody
    /// else's). It may be swapped out or move at any moment.
    /// </summary>
    Touched,

    /// <summary>
    /// Locked (Linux mlock, Windows VirtualLock): stays in memory, but not in its frame. The kernel may move it at any
    /// moment, and while it moves it is not present.
    /// </summary>
    Locked,

    /// <summary>
    /// Pinned: stays in its frame until it is released. What a VMM writes by physical address, or keeps, needs this.
    /// </summary>
    Pinned,
}
