namespace Hypercall.Native;

/// <summary>What pins pages on Linux. Elsewhere nothing does, whichever is chosen.</summary>
public enum PinningMechanism
{
    /// <summary>io_uring, and where it is disabled or blocked, ramfs. The default.</summary>
    Best,

    /// <summary>
    /// io_uring or nothing: pages are registered as a fixed buffer, bounded by RLIMIT_MEMLOCK. Needs no privilege.
    /// </summary>
    IoUring,

    /// <summary>
    /// ramfs or nothing: pages of a file that has no backing store. Needs the privilege to mount (CAP_SYS_ADMIN).
    /// </summary>
    RamFs,
}
