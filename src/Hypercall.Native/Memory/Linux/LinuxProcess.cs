using System.Globalization;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>What the kernel says of this process and of itself, for decisions and for messages.</summary>
internal static class LinuxProcess
{
    // linux/capability.h
    private const int CapabilityIpcLock = 14;
    private const int CapabilitySysAdmin = 21;

    /// <summary>
    /// Whether this process may mount: CAP_SYS_ADMIN in the user namespace of its mounts (may_mount(), fs/namespace.c). A sandbox
    /// may kill for the attempt.
    /// </summary>
    public static bool MayMount => LinuxCapabilities.Has(CapabilitySysAdmin);

    /// <summary>Bytes of address space: VmSize of /proc/self/status.</summary>
    public static long AddressSpaceBytes => StatusKilobytes("VmSize:");

    /// <summary>Bytes that RLIMIT_DATA counts: VmData of /proc/self/status.</summary>
    public static long DataBytes => StatusKilobytes("VmData:");

    /// <summary>How many mappings the process has; 0 where nobody mounted /proc.</summary>
    public static long Mappings => KernelFile.CountLines("/proc/self/maps") ?? 0;

    /// <summary>vm.max_map_count; null when the kernel does not say.</summary>
    public static long? MappingsLimit => long.TryParse(Setting("/proc/sys/vm/max_map_count"), CultureInfo.InvariantCulture, out long most) ? most : null;

    /// <summary>Bytes locked by mlock: VmLck of /proc/self/status, proc_pid_status(5).</summary>
    public static long LockedBytes => TryLockedBytes ?? 0;

    /// <summary>The same; null where the kernel does not say.</summary>
    public static long? TryLockedBytes => Kilobytes("/proc/self/status", "VmLck:");

    /// <summary>Bytes pinned: VmPin of /proc/self/status.</summary>
    public static long PinnedBytes => StatusKilobytes("VmPin:");

    /// <summary>Whether RLIMIT_MEMLOCK does not bind this process.</summary>
    /// <remarks>
    /// The kernel asks for the capability in the initial user namespace (capable() in can_do_mlock(), mm/mlock.c): the root of a
    /// rootless container shows it in CapEff, and is bound all the same. Without a /proc that is the kernel's own, nobody is
    /// taken to be unbound.
    /// </remarks>
    public static bool MayLockWithoutLimit => IsInInitialUserNamespace && LinuxCapabilities.Has(CapabilityIpcLock);

    /// <summary>Bytes that can be had without swapping; null when the kernel does not say.</summary>
    public static long? AvailableBytes => Kilobytes("/proc/meminfo", "MemAvailable:");

    /// <summary>The whole text of a small file of /proc or /sys, or "unknown".</summary>
    /// <param name="path">The file.</param>
    public static string Setting(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "unknown";
        }
    }

    // user_namespaces(7): the initial namespace maps all ids to themselves, "0 0 4294967295"; a kernel without namespaces has no
    // such file. It grants a privilege: so only the kernel's own word counts.
    private static bool IsInInitialUserNamespace => KernelFile.TryReadGenuine("/proc/self/uid_map", KernelFile.OnProc) is { } map
        ? map.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"]
        : KernelFile.TryReadGenuine("/proc/self/status", KernelFile.OnProc) is not null && !File.Exists("/proc/self/ns/user");

    private static long StatusKilobytes(string name) => Kilobytes("/proc/self/status", name) ?? 0;

    private static long? Kilobytes(string path, string name) =>
        Field(path, name) is { } text && long.TryParse(text.Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture, out long value)
            ? value * 1024
            : null;

    private static string? Field(string path, string name)
    {
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                if (line.StartsWith(name, StringComparison.Ordinal))
                {
                    return line[name.Length..].Trim();
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return null;
    }
}
