namespace Hypercall;

/// <summary>Why memory could not be had, held or found as asked.</summary>
public enum GuestMemoryRefusalReason
{
    /// <summary>The system has no memory left, or the address space has no room.</summary>
    OutOfMemory,

    /// <summary>The limit on locked and pinned memory (RLIMIT_MEMLOCK on Linux, the working set on Windows) is reached.</summary>
    LockLimit,

    /// <summary>Nothing here can pin pages: io_uring is disabled or blocked, and the process may not mount a ramfs.</summary>
    PinningUnavailable,

    /// <summary>
    /// Contiguous memory is not to be had (no huge page is free, and none could be collapsed), or the memory is not contiguous.
    /// </summary>
    NotContiguous,

    /// <summary>The memory may move, and the technique or the direction demands that it cannot.</summary>
    NotPinned,

    /// <summary>The process may not do it; the message names the missing privilege.</summary>
    NoPrivilege,

    /// <summary>The kernel hides frame numbers from this process (Linux: no CAP_SYS_ADMIN).</summary>
    FramesHidden,

    /// <summary>There is no page map to ask, or it may not be opened.</summary>
    PageMapUnavailable,

    /// <summary>A page of the range is not mapped.</summary>
    NotMapped,

    /// <summary>A page of the range is in swap space.</summary>
    Swapped,

    /// <summary>This operating system does not offer it.</summary>
    PlatformNotSupported,

    /// <summary>A page of the range may not be written to, so it cannot be made the process's own.</summary>
    NotWritable,

    /// <summary>
    /// No file descriptor is left for the call that is to hold the memory (io_uring_setup): the limit of the process or of the
    /// system is reached.
    /// </summary>
    TooManyOpenFiles,

    /// <summary>
    /// The kernel, or a sandbox around the process, refused a system call that this needs; the message names the call and its
    /// error.
    /// </summary>
    SystemCallRefused,
}
