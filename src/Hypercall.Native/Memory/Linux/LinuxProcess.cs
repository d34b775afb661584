using System.Globalization;

namespace Hypercall.Native;

/// <summary>What the kernel says of this process and of itself, for decisions and for messages.</summary>
internal static class LinuxProcess
{
    private const ulong IpcLock = 1ul << 14; // CAP_IPC_LOCK, linux/capability.h

    /// <summary>Bytes locked by mlock: VmLck of /proc/self/status, proc_pid_status(5).</summary>
    public static long LockedBytes => StatusKilobytes("VmLck:");

    /// <summary>Bytes pinned: VmPin of /proc/self/status.</summary>
    public static long PinnedBytes => StatusKilobytes("VmPin:");

    /// <summary>Whether RLIMIT_MEMLOCK does not bind this process.</summary>
    /// <remarks>
    /// The kernel asks for the capability in the initial user namespace (capable() in can_do_mlock(), mm/mlock.c): the root of a rootless container shows it in CapEff,
    /// and is bound all the same.
    /// </remarks>
    public static bool MayLockWithoutLimit =>
        IsInInitialUserNamespace
        && ulong.TryParse(Field("/proc/self/status", "CapEff:"), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong set)
        && (set & IpcLock) != 0;

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

    // user_namespaces(7): the initial namespace maps all ids to themselves, "0 0 4294967295"; a kernel without namespaces has no such file.
    private static bool IsInInitialUserNamespace =>
        Setting("/proc/self/uid_map") is var map
        && (map == "unknown" || map.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"]);

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
