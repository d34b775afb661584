using System.Globalization;
using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Turns an errno into a refusal that names the limit and its remedy.</summary>
internal static class LinuxRefusals
{
    private const string RaiseLimit =
        "Raise it (`ulimit -l`, LimitMEMLOCK= in a systemd unit, memlock in limits.conf, --ulimit memlock= for a container), ask for less, or give the process "
        + "CAP_IPC_LOCK.";

    public static GuestMemoryRefusal OutOfMemory(long length, string call, int error) => new(
        GuestMemoryRefusalReason.OutOfMemory,
        string.Create(CultureInfo.InvariantCulture, $"{call} could not give {length} bytes: {Text(error)}. ")
        + "The system has no memory left, or the process too many mappings (vm.max_map_count).");

    public static GuestMemoryRefusal TooManyPages(long count, long most) => new(
        GuestMemoryRefusalReason.OutOfMemory,
        string.Create(CultureInfo.InvariantCulture, $"The range has {count} pages, and one answer holds {most} at most. Ask for parts of it."));

    /// <summary>For mlock of some bytes that failed.</summary>
    public static GuestMemoryRefusal Lock(long length, int error)
    {
        if (error is Errno.ENOMEM or Errno.EPERM
            && LinuxMemory.MemLockLimit is { } limit && !LinuxProcess.MayLockWithoutLimit)
        {
            long used = LinuxProcess.LockedBytes;
            if (error == Errno.EPERM || used + length > limit)
            {
                return new GuestMemoryRefusal(
                    GuestMemoryRefusalReason.LockLimit,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"Locking {length} bytes would pass RLIMIT_MEMLOCK, which is {limit} bytes: {used} are locked by this process already (VmLck). ") + RaiseLimit)
                {
                    Limit = limit,
                    Needed = used + length,
                };
            }
        }

        return OutOfMemory(length, "mlock", error);
    }

    /// <summary>For an io_uring pin of some bytes that failed; null if it failed because nothing here can pin.</summary>
    public static GuestMemoryRefusal? Pin(long length, PinFailure failure)
    {
        if (failure.Error is Errno.ENOMEM or Errno.ENFILE or Errno.EMFILE)
        {
            if (failure.Error == Errno.ENOMEM && LinuxMemory.MemLockLimit is { } limit && !LinuxProcess.MayLockWithoutLimit)
            {
                long used = LinuxProcess.PinnedBytes;
                return new GuestMemoryRefusal(
                    GuestMemoryRefusalReason.LockLimit,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"Pinning {length} bytes would pass RLIMIT_MEMLOCK, which is {limit} bytes: {used} are pinned by this process already (VmPin), and pins of all "
                        + $"processes of this user count together ({failure}). ") + RaiseLimit)
                {
                    Limit = limit,
                    Needed = used + length,
                };
            }

            return OutOfMemory(length, failure.Call, failure.Error);
        }

        return null;
    }

    public static GuestMemoryRefusal PinningUnavailable(string what) => new(
        GuestMemoryRefusalReason.PinningUnavailable,
        $"Nothing here can pin pages. {what}. kernel.io_uring_disabled is {LinuxProcess.Setting("/proc/sys/kernel/io_uring_disabled")}: 0 allows io_uring to everybody, 1 to "
        + "CAP_SYS_ADMIN and the group of kernel.io_uring_group, 2 to nobody; a container may block it by seccomp on top of that, and Linux 5.13 is the first that can. "
        + "Allow io_uring, or run with CAP_SYS_ADMIN (then pages of a ramfs do). Residency.Locked, which needs neither, is safe for handing over by guest virtual address.");

    /// <summary>For a window that io_uring cannot pin.</summary>
    public static GuestMemoryRefusal WindowNotPinnable(PinFailure failure) => failure.Error is Errno.EFAULT or Errno.EOPNOTSUPP
        && failure.Call.Contains("UPDATE", StringComparison.Ordinal)
        ? new GuestMemoryRefusal(
            GuestMemoryRefusalReason.PinningUnavailable,
            $"The kernel does not pin this memory ({failure}): it is a shared mapping of a file, or of a device. Allocate a buffer from IGuestMemory and copy.")
        : PinningUnavailable(
            $"{failure}; ramfs, the other way, serves buffers that IGuestMemory allocates, and not a window onto memory that exists already");

    public static GuestMemoryRefusal NotContiguous(long length, long run, string tried) => new(
        GuestMemoryRefusalReason.NotContiguous,
        string.Create(
            CultureInfo.InvariantCulture,
            $"No {length} bytes in one piece of physical memory are to be had ({tried}); the best try broke after {run} bytes. ")
        + (length > HugePage
            ? "A huge page holds 2 MiB (2097152 bytes); that several are neighbours is luck, best soon after boot. Reserve one of 1 GiB (hugepagesz=1G hugepages=1 on "
                + "the kernel's command line), or several at boot (hugepages=N). "
            : "Free huge pages: write a number to /proc/sys/vm/nr_hugepages, which is "
                + $"{LinuxProcess.Setting("/proc/sys/vm/nr_hugepages")}, or let the kernel make room: write 1 to /proc/sys/vm/compact_memory. ")
        + "Or take scattered memory (Contiguity.Any) and hand it over page by page or as a frame list.")
    {
        Limit = run,
        Needed = length,
    };

    public static GuestMemoryRefusal WindowNotContiguous(long length, long run) => new(
        GuestMemoryRefusalReason.NotContiguous,
        string.Create(
            CultureInfo.InvariantCulture,
            $"The memory is not contiguous: it breaks after {run} of {length} bytes. A window takes memory as it lies: allocate a contiguous buffer from IGuestMemory ")
        + "and copy, or hand this over page by page or as a frame list.")
    {
        Limit = run,
        Needed = length,
    };

    public static GuestMemoryRefusal CannotProve(GuestMemoryRefusal cause) => cause with
    {
        Message = "Memory is not called contiguous unless that was checked. " + cause.Message + " One page (4096 bytes) is contiguous without a check.",
    };

    /// <summary>For pages that could not be written to.</summary>
    public static GuestMemoryRefusal Touch(PageSpan pages, int error) => error switch
    {
        Errno.ENOMEM when !LinuxMemory.IsMapped(pages) => new(
            GuestMemoryRefusalReason.NotMapped, "Part of the range is not mapped: it was never allocated, or was freed."),
        Errno.EINVAL => new(
            GuestMemoryRefusalReason.NotWritable,
            "Part of the range is mapped without write permission, or belongs to a device. A page that cannot be written to cannot be made this process's own, and a VMM "
            + "that writes to it would change it for every process that maps it. Copy it into a buffer."),
        Errno.EFAULT => new(
            GuestMemoryRefusalReason.NotMapped,
            "Touching the range would raise SIGBUS or SIGSEGV: it lies beyond the end of its file, in an exhausted pool of huge pages, or in guarded memory."),
        _ => OutOfMemory((long)pages.Length, "madvise(MADV_POPULATE_WRITE)", error),
    };

    private const long HugePage = 2 << 20;

    private static string Text(int error) => $"{Marshal.GetPInvokeErrorMessage(error)} (errno {error})";
}
