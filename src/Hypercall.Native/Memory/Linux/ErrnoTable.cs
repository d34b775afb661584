using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>
/// What each errno of each call means, what to do about it, and whether something else may still work. What is not here is told
/// as itself.
/// </summary>
internal static class ErrnoTable
{
    private const string NoMemory = "The system has no memory left.";

    private const string Sandbox =
        "A sandbox (a seccomp filter, the profile of a container) or a security module refuses it: allow the call there, or take memory that does without.";

    private const string NoSuchCall = "The kernel has no such call, or a sandbox (a seccomp filter, the profile of a container) hides it.";

    private const string NotDone =
        "A sandbox or an interposer (a seccomp filter, a preloaded library, an emulated kernel) answers in the kernel's place: nothing that it says can be relied on.";

    private const string Again = "It was asked for many times over: try again later.";

    private const string NotWritable =
        "Part of the range is mapped without write permission, or belongs to a device. A page that cannot be written to cannot be made this process's own, and a VMM "
        + "that writes to it would change it for every process that maps it. Copy it into a buffer.";

    private const string NoPage =
        "Touching the range would raise SIGBUS or SIGSEGV: it lies beyond the end of its file, in an exhausted pool of huge pages, or in guarded memory.";

    private const string ProcessFiles =
        "The process has as many files open as RLIMIT_NOFILE allows: close some, or raise it (`ulimit -n`, LimitNOFILE= in a systemd unit, --ulimit nofile= for a container).";

    private const string SystemFiles = "The system has as many files open as fs.file-max allows: raise it (`sysctl fs.file-max`).";

    /// <summary>Finds the row.</summary>
    /// <param name="failure">The call and its errno.</param>
    public static ErrnoMeaning Of(PinFailure failure)
    {
        (string call, int error) = failure;
        return (call, error) switch
        {
            (LinuxCall.Map, Errno.ENOMEM) => new(GuestMemoryRefusalReason.OutOfMemory, NoMemory, NextWay: true, Fact.AddressSpace),

            (LinuxCall.MapHugePages, Errno.ENOMEM) => new(
                GuestMemoryRefusalReason.NotContiguous, "The pool has too few free huge pages, or a hugetlb cgroup reserves none for this process.", NextWay: true),
            (LinuxCall.MapHugePages, Errno.EINVAL or Errno.ENODEV or Errno.ENOENT) => new(
                GuestMemoryRefusalReason.NotContiguous, "This kernel or CPU has no huge pages of this size.", NextWay: true),
            (LinuxCall.MapHugePages, _) => new(GuestMemoryRefusalReason.NotContiguous, Plain(error), NextWay: true),

            (LinuxCall.Lock, Errno.ENOMEM) => new( // mlock(2)
                GuestMemoryRefusalReason.OutOfMemory,
                "It passes RLIMIT_MEMLOCK, or the process has as many mappings as vm.max_map_count allows, or the system has no memory left.",
                Ask: Fact.LockedBytes),
            (LinuxCall.Lock, Errno.EPERM) => new(GuestMemoryRefusalReason.SystemCallRefused, Sandbox, Ask: Fact.LockedBytes), // mlock(2): a limit of 0
            (LinuxCall.Lock, Errno.EAGAIN) => new(
                GuestMemoryRefusalReason.SystemCallRefused, "Some of the pages could not be brought into memory at this moment (mlock(2)). Ask for less, or try again later."),

            (LinuxCall.Populate or LinuxCall.AtomicOr, Errno.ENOMEM) => new(GuestMemoryRefusalReason.OutOfMemory, NoMemory, NextWay: true, Fact.IsMapped),
            (LinuxCall.Populate or LinuxCall.AtomicOr, Errno.EINVAL) => new(GuestMemoryRefusalReason.NotWritable, NotWritable),
            (LinuxCall.Populate or LinuxCall.AtomicOr, Errno.EFAULT) => new(GuestMemoryRefusalReason.NotMapped, NoPage, NextWay: true),
            (LinuxCall.Populate or LinuxCall.AtomicOr, Errno.EHWPOISON) => new(
                GuestMemoryRefusalReason.SystemCallRefused, "The memory of a page is broken, and the kernel has taken it out of use. Free the buffer, and take another.", NextWay: true),

            // The ring itself counts, too (io_create_region(), io_uring/memmap.c); and a limit is not to be got round by the next
            // way.
            (LinuxCall.RingSetup or LinuxCall.RingRegister or LinuxCall.RingUpdate, Errno.ENOMEM) => new(
                GuestMemoryRefusalReason.OutOfMemory, NoMemory, Ask: Fact.PinnedBytes),
            (LinuxCall.RingUpdate, Errno.EFAULT or Errno.EOPNOTSUPP) => new(
                GuestMemoryRefusalReason.PinningUnavailable,
                "The kernel does not pin this memory: it is a shared mapping of a file, or of a device. Allocate a buffer from IGuestMemory and copy.",
                NextWay: true),
            (LinuxCall.RingRegister, Errno.EINVAL) => new(
                GuestMemoryRefusalReason.PinningUnavailable, "Linux 5.13 is the first that can.", NextWay: true),
            (LinuxCall.RingSetup or LinuxCall.RingRegister or LinuxCall.RingUpdate, Errno.EMFILE) => new(GuestMemoryRefusalReason.TooManyOpenFiles, ProcessFiles, NextWay: true),
            (LinuxCall.RingSetup or LinuxCall.RingRegister or LinuxCall.RingUpdate, Errno.ENFILE) => new(GuestMemoryRefusalReason.TooManyOpenFiles, SystemFiles, NextWay: true),
            (LinuxCall.RingSetup or LinuxCall.RingRegister or LinuxCall.RingUpdate, _) => new(
                GuestMemoryRefusalReason.PinningUnavailable, Plain(error), NextWay: true),

            (LinuxCall.RamFsMap, Errno.ENOMEM) => new(GuestMemoryRefusalReason.OutOfMemory, NoMemory, Ask: Fact.AddressSpace),
            (LinuxCall.RamFsOpen or LinuxCall.RamFsCreate or LinuxCall.RamFsMount or LinuxCall.RamFsFile or LinuxCall.RamFsLength or LinuxCall.RamFsMap,
                not (Errno.ENOMEM or Errno.EMFILE or Errno.ENFILE)) => new(GuestMemoryRefusalReason.PinningUnavailable, Plain(error)),

            (LinuxCall.PageMapOpen, Errno.ENOENT) => new(
                GuestMemoryRefusalReason.PageMapUnavailable, "The kernel is built without CONFIG_PROC_PAGE_MONITOR, or /proc is not mounted."),
            (LinuxCall.PageMapOpen or LinuxCall.PageMapRead, Errno.EPERM or Errno.EACCES) => new(
                GuestMemoryRefusalReason.PageMapUnavailable,
                "The kernel or a sandbox denies it: CAP_SYS_ADMIN in the initial user namespace and a process that is dumpable are needed."),
            (LinuxCall.PageMapOpen or LinuxCall.PageMapRead, _) => new(GuestMemoryRefusalReason.PageMapUnavailable, Plain(error)),

            (_, Errno.ENOMEM) => new(GuestMemoryRefusalReason.OutOfMemory, NoMemory),
            (_, Errno.EMFILE) => new(GuestMemoryRefusalReason.TooManyOpenFiles, ProcessFiles),
            (_, Errno.ENFILE) => new(GuestMemoryRefusalReason.TooManyOpenFiles, SystemFiles),
            _ => new(GuestMemoryRefusalReason.SystemCallRefused, Plain(error)),
        };
    }

    // What an errno says of itself, whichever call gave it.
    private static string Plain(int error) => error switch
    {
        <= 0 => NotDone,
        Errno.EPERM or Errno.EACCES => Sandbox,
        Errno.ENOSYS => NoSuchCall,
        Errno.EAGAIN or Errno.EINTR => Again,
        Errno.EMFILE => ProcessFiles,
        Errno.ENFILE => SystemFiles,
        Errno.ENOMEM => NoMemory,
        _ => "That is all that the kernel says.",
    };
}
