namespace Hypercall.Testing;

/// <summary>What the fake guest's kernel says when it cannot give what was asked.</summary>
internal static class FakeRefusals
{
    public static GuestMemoryRefusal NoAddresses => new(GuestMemoryRefusalReason.OutOfMemory,
        "The fake machine has no addresses left: it uses none twice. Make a new machine for each test.");

    public static GuestMemoryRefusal HiddenFrames => new(GuestMemoryRefusalReason.FramesHidden,
        "Contiguous memory is claimed only where it can be proved, and this fake machine hides frame numbers (FakeGuestMemory.HideFrames), as Linux does without CAP_SYS_ADMIN. "
        + "Hand the memory over by guest virtual address, which needs no privilege.");

    public static GuestMemoryRefusal CannotPin => new(GuestMemoryRefusalReason.PinningUnavailable,
        "Nothing on this fake machine can pin pages (FakeGuestMemory.CanPin is false): it stands for one where io_uring is disabled or blocked and the process may not mount a "
        + "ramfs. Allow io_uring (kernel.io_uring_disabled, seccomp), run as root, or allow a fallback (GuestBufferOptions.AllowFallback).");

    public static GuestMemoryRefusal NoBytes(long length) => new(GuestMemoryRefusalReason.OutOfMemory,
        $"There are no {length} bytes for the buffer: the fake machine keeps each buffer in one managed array, which this process cannot have. Ask for less.")
    {
        Limit = Array.MaxLength,
        Needed = length,
    };

    public static GuestMemoryRefusal NotOneBuffer(GuestVirtualAddress start, long length) => new(GuestMemoryRefusalReason.NotMapped,
        $"The {length} bytes at {start} do not lie in one buffer or window of this fake machine. Only memory that it allocated, or that a window was opened onto, has an address here.");

    public static GuestMemoryRefusal TooManyEntries(long count) => new(GuestMemoryRefusalReason.OutOfMemory,
        $"The answer has {count} entries, more than an array holds. Ask for parts of the range.");

    public static GuestMemoryRefusal Scattered(int pages) => new(GuestMemoryRefusalReason.NotContiguous,
        $"The {pages} pages of the memory lie scattered, and memory that exists already is not moved. Allocate contiguous memory, or allow a fallback (GuestBufferOptions.AllowFallback).")
    {
        IsTransient = false,
    };

    public static GuestMemoryRefusal NoRun(int pages) => new(GuestMemoryRefusalReason.NotContiguous,
        $"This fake machine has no {pages} frames in a row (FakeGuestMemory.CanAllocateContiguous): it stands for one where no huge page is free. Reserve huge pages (vm.nr_hugepages), "
        + "ask for one page, or allow a fallback (GuestBufferOptions.AllowFallback).");

    public static GuestMemoryRefusal OverLockLimit(long locked, long needed, long limit) => new(GuestMemoryRefusalReason.LockLimit,
        $"{locked} bytes are locked, {needed} more are needed, and the limit is {limit} (RLIMIT_MEMLOCK; here FakeGuestMemory.LockLimit). Raise it (ulimit -l, "
        + "LimitMEMLOCK= of the unit), free buffers, or allow a fallback (GuestBufferOptions.AllowFallback).")
    {
        Limit = limit,
        Needed = locked + needed,
    };
}
