namespace Hypercall.Testing;

/// <summary>Who a frame of guest-physical memory belongs to.</summary>
internal enum FrameKind : byte
{
    /// <summary>There is no memory there.</summary>
    Hole,

    /// <summary>Somebody else: another process, or the kernel. It was never this program's.</summary>
    Somebody,

    /// <summary>A page of the program.</summary>
    Page,

    /// <summary>A page of the program that a forked child shares: who writes to it, writes to the child's memory.</summary>
    Shared,

    /// <summary>It was a page of the program; by now it is somebody else's.</summary>
    Stale,

    /// <summary>The page of zeroes that all processes share.</summary>
    Zero,

    /// <summary>A page table.</summary>
    Table,

    /// <summary>The VMM's own memory, which the guest sees as ROM.</summary>
    Rom,
}
