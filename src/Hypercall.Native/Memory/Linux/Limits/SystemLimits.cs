using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>What the machine has left.</summary>
internal static class SystemLimits
{
    private const long Reserve = 16 << 20;
    private const string OomKiller = "Taking more would wake the kernel's OOM killer. Free memory, or ask for less.";

    /// <summary>Free swap space: the lesser of what is claimed and what sysinfo(2) knows.</summary>
    public static long FreeSwap(ILimitSource source) => Math.Min(
        KernelText.Field(source.Read("/proc/meminfo"), "SwapFree:") ?? long.MaxValue, source.System?.FreeSwapBytes ?? 0);

    public static IEnumerable<MemoryLimit> Read(ILimitSource source)
    {
        string? text = source.Read("/proc/meminfo");
        SystemInfo? system = source.System;
        if (KernelText.Field(text, "MemAvailable:") is { } available)
        {
            yield return Memory(source, "MemAvailable of /proc/meminfo", Math.Min(available, MostAvailable(source, system)));
        }
        else if (system is { } free)
        {
            yield return Memory(source, "free memory as sysinfo(2) tells it, for MemAvailable of /proc/meminfo cannot be read", free.FreeBytes);
        }

        if (source.Read("/proc/sys/vm/overcommit_memory")?.Trim() == "2" // Documentation/mm/overcommit-accounting.rst
            && KernelText.Field(text, "CommitLimit:") is { } limit && KernelText.Field(text, "Committed_AS:") is { } promised)
        {
            yield return new MemoryLimit(MemoryLimitKind.Commit, "CommitLimit of /proc/meminfo, which vm.overcommit_memory = 2 enforces", limit, limit - promised)
            {
                Reserve = Math.Min(limit / 4, Reserve),
                Remedy = "The runtime ends the process when it cannot map for itself. Raise vm.overcommit_ratio, add swap, or ask for less.",
            };
        }
    }

    private static MemoryLimit Memory(ILimitSource source, string what, long bytes) => new(MemoryLimitKind.Memory, what, bytes, bytes)
    {
        Swap = FreeSwap(source),
        Reserve = Reserve,
        Remedy = OomKiller,
    };

    // A file that somebody mounted over meminfo may say less than the kernel does, and is believed. What it says beyond what the
    // kernel's other files allow is not.
    private static long MostAvailable(ILimitSource source, SystemInfo? system)
    {
        long most = system?.TotalBytes ?? long.MaxValue;
        if (source.ReadGenuine("/proc/meminfo", KernelFile.OnProc) is null && source.ReadGenuine("/proc/vmstat", KernelFile.OnProc) is { } text
            && KernelText.Field(text, "nr_free_pages") is { } free)
        {
            long pages = free + Pages("nr_inactive_file") + Pages("nr_active_file") + Pages("nr_slab_reclaimable");
            most = Math.Min(most, pages * GuestPage.Size);

            long Pages(string name) => KernelText.Field(text, name) ?? 0;
        }

        return most;
    }
}
