namespace Hypercall.Native;

/// <summary>What pins pages. Anything but <see cref="Best"/> is for tests.</summary>
internal enum PinningMechanism
{
    /// <summary>io_uring, else ramfs.</summary>
    Best,

    /// <summary>io_uring or nothing.</summary>
    IoUring,

    /// <summary>ramfs or nothing.</summary>
    RamFs,
}
