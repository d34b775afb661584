using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Limits of getrlimit(2) on what a process maps.</summary>
internal static class ProcessLimits
{
    // asm-generic/resource.h
    private const int FileSize = 1;
    private const int Data = 2;
    private const int AddressSpace = 9;

    private const long MostReserve = 64 << 20; // a new thread takes 8 MiB for its stack, a heap of malloc or of the collector no less

    public static IEnumerable<MemoryLimit> Read(ILimitSource source)
    {
        // Only the kernel's word says how much is used: less than that would raise what is left. Without it mmap itself refuses,
        // and the runtime has no reserve.
        string? status = null;
        if (Bytes(source, AddressSpace) is { } address && (status ??= Status()) is not null && KernelText.Field(status, "VmSize:") is { } size)
        {
            yield return Limit(
                MemoryLimitKind.Address,
                "RLIMIT_AS of this process, which counts all that it maps (VmSize)",
                address,
                size,
                "`ulimit -v`, LimitAS= in a systemd unit");
        }

        if (Bytes(source, Data) is { } data && !IsDataIgnored(source) && (status ??= Status()) is not null && KernelText.Field(status, "VmData:") is { } used)
        {
            yield return Limit(
                MemoryLimitKind.Data,
                "RLIMIT_DATA of this process, which counts what it maps privately and writable (VmData)",
                data,
                used,
                "`ulimit -d`, LimitDATA= in a systemd unit");
        }

        if (Bytes(source, FileSize) is { } file)
        {
            yield return new MemoryLimit(MemoryLimitKind.File, "RLIMIT_FSIZE of this process, which binds the files of a ramfs", file, file)
            {
                Remedy = "A longer file ends the process by SIGXFSZ. Raise the limit (`ulimit -f`, LimitFSIZE= in a systemd unit), "
                    + "allow io_uring, or ask for less.",
            };
        }

        string? Status() => source.ReadGenuine("/proc/self/status", KernelFile.OnProc);
    }

    private static MemoryLimit Limit(MemoryLimitKind kind, string what, long limit, long used, string where) => new(kind, what, limit, limit - used)
    {
        Reserve = Math.Min(limit / 4, MostReserve),
        Remedy = $"The runtime ends the process when it cannot map for itself. Raise the limit ({where}), or ask for less.",
    };

    private static long? Bytes(ILimitSource source, int resource)
    {
        if (source.ResourceLimit(resource) is not { } limit)
        {
            return null;
        }

        // may_expand_vm, mm/mmap.c: a soft limit of 0 on data means the hard one, for valgrind's sake
        ulong bytes = resource == Data && limit.Soft == 0 ? limit.Hard : limit.Soft;
        return bytes < KernelText.Unlimited ? (long)bytes : null;
    }

    // ignore_rlimit_data on the kernel's command line
    private static bool IsDataIgnored(ILimitSource source) =>
        source.ReadGenuine("/sys/module/kernel/parameters/ignore_rlimit_data", KernelFile.OnSysFs)?.StartsWith('Y') == true;
}
