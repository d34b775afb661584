using System.Globalization;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Turns an errno into a refusal that names the limit and its remedy.</summary>
internal static class LinuxRefusals
{
    private const string RaiseLimit =
        "Raise it (`ulimit -l`, LimitMEMLOCK= in a systemd unit, memlock in limits.conf, --ulimit memlock= for a container), ask for less, or give the process "
        + "CAP_IPC_LOCK.";

    /// <summary>For a call that failed: the row of <see cref="ErrnoTable"/>, and the facts that it asks for.</summary>
    /// <param name="failure">The call and its errno.</param>
    /// <param name="pages">The pages that it was about; a length alone will do where nothing is mapped yet.</param>
    public static GuestMemoryRefusal Of(PinFailure failure, PageSpan pages)
    {
        ErrnoMeaning meaning = ErrnoTable.Of(failure);
        long length = (long)pages.Length;
        GuestMemoryRefusal? known = meaning.Ask switch
        {
            Fact.AddressSpace => AddressSpace(failure, length),
            Fact.LockedBytes => LockLimit(failure, length) ?? (LinuxMemory.IsMapped(pages) ? null : NotMapped(failure)),
            Fact.PinnedBytes => PinLimit(failure, length),
            Fact.IsMapped when !LinuxMemory.IsMapped(pages) => NotMapped(failure),
            _ => null,
        };
        return known ?? new GuestMemoryRefusal(meaning.Reason, Says(failure, length, meaning.Text));
    }

    public static GuestMemoryRefusal TooLong(long length) => new(
        GuestMemoryRefusalReason.OutOfMemory,
        string.Create(CultureInfo.InvariantCulture, $"{length} bytes were asked for: the address space of a process ends at 0x{PageSpan.UserSpaceEnd:x}. Ask for less."));

    public static GuestMemoryRefusal TooManyPages(long count, long most) => new(
        GuestMemoryRefusalReason.OutOfMemory,
        string.Create(CultureInfo.InvariantCulture, $"The range has {count} pages, and one answer holds {most} at most. Ask for parts of it."));

    public static GuestMemoryRefusal NoRoomForAnswer(long count) => new(
        GuestMemoryRefusalReason.OutOfMemory,
        string.Create(
            CultureInfo.InvariantCulture,
            $"The range has {count} pages, and the answer alone takes {count * sizeof(ulong)} bytes, which the runtime does not have. Ask for parts of it."));

    /// <summary>For memory that nothing pins: every way, and why it did not work.</summary>
    /// <param name="reason">The reason of the way that is worth mending.</param>
    /// <param name="ways">The ways, such as "io_uring_setup: Operation not permitted (EPERM)".</param>
    public static GuestMemoryRefusal Pinning(GuestMemoryRefusalReason reason, params IEnumerable<string> ways) => new(
        reason,
        $"Nothing here can pin pages. {string.Join("; ", ways)}. "
        + (reason == GuestMemoryRefusalReason.TooManyOpenFiles
            ? "No file descriptor is left: close some files, or raise the limit, which is RLIMIT_NOFILE for the process (EMFILE; `ulimit -n`, LimitNOFILE= in a systemd "
                + "unit) and fs.file-max for the system (ENFILE). "
            : "")
        + $"kernel.io_uring_disabled is {LinuxProcess.Setting("/proc/sys/kernel/io_uring_disabled")}: 0 allows io_uring to everybody, 1 to "
        + "CAP_SYS_ADMIN and the group of kernel.io_uring_group, 2 to nobody; a container may block it by seccomp on top of that, and Linux 5.13 is the first that can. "
        + "Allow io_uring, or run with CAP_SYS_ADMIN (then pages of a ramfs do). Residency.Locked, which needs neither, is safe for handing over by guest virtual address.");

    /// <summary>For memory that ramfs does not give either.</summary>
    /// <param name="ring">Why io_uring did not pin.</param>
    /// <param name="reason">The reason of that.</param>
    /// <param name="ramFs">Why ramfs does not.</param>
    /// <param name="length">How much was asked for.</param>
    public static GuestMemoryRefusal AfterRing(string ring, GuestMemoryRefusalReason reason, Setback ramFs, long length) => ramFs.Refusal.Reason switch
    {
        GuestMemoryRefusalReason.PinningUnavailable => Pinning(reason, ring, ramFs.Why),
        GuestMemoryRefusalReason.TooManyOpenFiles => Pinning(GuestMemoryRefusalReason.TooManyOpenFiles, ring, ramFs.Why),
        GuestMemoryRefusalReason.NotContiguous => NotContiguous(length, ramFs.Refusal.Limit ?? 0, $"{ring}; pages of a ramfs: {ramFs.Why}"),
        _ => ramFs.Refusal with { Message = $"{ramFs.Refusal.Message} Tried before: {ring}." },
    };

    /// <summary>For a window that io_uring cannot pin.</summary>
    public static GuestMemoryRefusal WindowNotPinnable(PinFailure failure, PageSpan pages)
    {
        GuestMemoryRefusal refusal = Of(failure, pages);
        return refusal.Reason is GuestMemoryRefusalReason.PinningUnavailable or GuestMemoryRefusalReason.TooManyOpenFiles
            && failure is not { Call: LinuxCall.RingUpdate, Error: Errno.EFAULT or Errno.EOPNOTSUPP }
            ? Pinning(refusal.Reason, failure.ToString(), RamFsServesNoWindow)
            : refusal;
    }

    /// <summary>For a window where only ramfs is to pin.</summary>
    public static GuestMemoryRefusal WindowByRamFs { get; } = Pinning(
        GuestMemoryRefusalReason.PinningUnavailable, "io_uring: not tried, because PinningMechanism.RamFs was asked for", RamFsServesNoWindow);

    public static GuestMemoryRefusal NotContiguous(long length, long run, string tried) => new(
        GuestMemoryRefusalReason.NotContiguous,
        string.Create(
            CultureInfo.InvariantCulture,
            $"No {length} contiguous bytes are available; the best attempt broke after {run} bytes. Tried: {tried}. ")
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
        IsTransient = false, // it stays as it lies
    };

    public static GuestMemoryRefusal CannotProve(GuestMemoryRefusal cause) => cause with
    {
        Message = "Memory is not called contiguous unless that was checked. " + cause.Message + " One page (4096 bytes) is contiguous without a check.",
    };

    private const string RamFsServesNoWindow = "ramfs: serves buffers that IGuestMemory allocates, and not a window onto memory that exists already";

    private const long HugePage = 2 << 20;

    private static GuestMemoryRefusal? LockLimit(PinFailure failure, long length)
    {
        if (LinuxMemory.MemLockLimit is not { } limit || LinuxProcess.MayLockWithoutLimit)
        {
            return null;
        }

        long used = LinuxProcess.LockedBytes;
        return (failure.Error == Errno.EPERM ? limit == 0 : failure.Error == Errno.ENOMEM && used + length > limit)
            ? new GuestMemoryRefusal(
                GuestMemoryRefusalReason.LockLimit,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Locking {length} bytes would pass RLIMIT_MEMLOCK, which is {limit} bytes: {used} are locked by this process already (VmLck; {failure}). ") + RaiseLimit)
            {
                Limit = limit,
                Needed = used + length,
            }
            : null;
    }

    // The kernel counts the pins of a user, and shows those of a process: what is left of the limit cannot be known.
    private static GuestMemoryRefusal? PinLimit(PinFailure failure, long length)
    {
        if (LinuxMemory.MemLockLimit is not { } limit || LinuxProcess.MayLockWithoutLimit)
        {
            return null;
        }

        long used = LinuxProcess.PinnedBytes;
        (string passes, string or) = used + length > limit ? ("would pass", "") : ("most likely passes", ", or the kernel has no memory left");
        return new GuestMemoryRefusal(
            GuestMemoryRefusalReason.LockLimit,
            string.Create(
                CultureInfo.InvariantCulture,
                $"Pinning {length} bytes {passes} RLIMIT_MEMLOCK, which is {limit} bytes: {used} are pinned by this process already (VmPin), and pins of all "
                + $"processes of this user count together{or} ({failure}). What was released a moment ago may count for another second. ") + RaiseLimit)
        {
            Limit = limit,
            Needed = used + length,
        };
    }

    private static GuestMemoryRefusal? AddressSpace(PinFailure failure, long length)
    {
        (long Limit, long Used, string Text)? full =
            Full(LinuxMemory.AddressSpaceLimit, LinuxProcess.AddressSpaceBytes, "RLIMIT_AS allows {0} bytes of address space, and the process has {1} (VmSize): raise it (`ulimit -v`), or ask for less.")
            ?? Full(LinuxMemory.DataLimit, LinuxProcess.DataBytes, "RLIMIT_DATA allows {0} bytes of data, and the process has {1} (VmData): raise it (`ulimit -d`), or ask for less.");
        if (full is { } limit)
        {
            return new GuestMemoryRefusal(GuestMemoryRefusalReason.OutOfMemory, Says(failure, length, limit.Text)) { Limit = limit.Limit, Needed = limit.Used + length };
        }

        return LinuxProcess.MappingsLimit is { } most && LinuxProcess.Mappings >= most
            ? new GuestMemoryRefusal(
                GuestMemoryRefusalReason.OutOfMemory,
                Says(failure, length, string.Create(CultureInfo.InvariantCulture, $"The process has all the {most} mappings that vm.max_map_count allows: raise it, or take fewer and larger buffers.")))
            : null;

        (long Limit, long Used, string Text)? Full(long? most, long used, string text) =>
            most is { } known && used > known - length ? (known, used, string.Format(CultureInfo.InvariantCulture, text, known, used)) : null;
    }

    private static GuestMemoryRefusal NotMapped(PinFailure failure) => new(
        GuestMemoryRefusalReason.NotMapped, $"Part of the range is not mapped: it was never allocated, or was freed ({failure}).");

    private static string Says(PinFailure failure, long length, string text) =>
        string.Create(CultureInfo.InvariantCulture, $"{failure}, for {length} bytes. {text}");
}
