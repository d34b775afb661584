using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>What the memory cgroups of this process leave it, v1 and v2.</summary>
/// <remarks>
/// A cgroup's limit binds all below it, so each is asked, from the process's own up to the highest that is visible. Page cache is
/// used memory that the kernel takes back before it kills, and counts as left. memory.high kills nobody, but it stalls who passes
/// it by memory that cannot be reclaimed, for seconds at a time: it counts as a limit.
/// </remarks>
internal sealed class CgroupLimits(ILimitSource source)
{
    private const long MostReserve = 16 << 20;

    private const string Remedy =
        "More would have the kernel kill a process of the cgroup. Raise the limit (--memory of a container, "
        + "resources.limits.memory in Kubernetes, MemoryMax= in a systemd unit), or ask for less.";

    private string? _cgroup;
    private List<(CgroupMount Mount, List<string> Paths)> _groups = [];

    public IEnumerable<MemoryLimit> Read()
    {
        // Mounts are looked at once, and again when the process was moved, or when not all of it could be read.
        int notOpened = source.NotOpened;
        string? cgroup = source.Read("/proc/self/cgroup");
        if (cgroup != _cgroup)
        {
            _groups = [.. CgroupMount.Parse(source.Read("/proc/self/mountinfo"))
                .Select(mount => (mount, CgroupPaths.Find(source, mount, cgroup)))];
            _cgroup = source.NotOpened == notOpened ? cgroup : null;
        }

        return _groups.SelectMany(group => group.Paths.SelectMany((path, level) => group.Mount.IsUnified
            ? ReadUnified(path, group.Mount.CountsPool ? MemoryLimitKind.MemoryAndPool : MemoryLimitKind.Memory)
            : ReadFirst(path, isHighest: level == group.Paths.Count - 1)));
    }

    private IEnumerable<MemoryLimit> ReadUnified(string path, MemoryLimitKind kind)
    {
        foreach (string name in new[] { "memory.max", "memory.high" })
        {
            if (Limit(path, name) is not { } limit || Used(path, "memory.current") is not { } used)
            {
                continue; // "max", or the root, which has no such file
            }

            string? stat = source.ReadGenuine(path + "/memory.stat", KernelFile.OnCgroup2);
            long left = Left(limit, used, Sum(stat, "inactive_file", "active_file", "slab_reclaimable"));
            long swap = KernelText.Number(source.Read(path + "/memory.swap.max")) is { } most
                ? most - (KernelText.Number(source.Read(path + "/memory.swap.current")) ?? 0)
                : long.MaxValue;
            yield return Describe(kind, $"{path}/{name}", limit, left, NeverSwaps("/proc/sys/vm/swappiness") ? 0 : swap);
        }
    }

    private IEnumerable<MemoryLimit> ReadFirst(string path, bool isHighest)
    {
        const string Name = "memory.limit_in_bytes";
        string? stat = null;
        if (Limit(path, Name) is { } limit && Used() is { } used)
        {
            yield return Describe(Name, limit, used);
        }

        // What is above the highest that is visible binds as well, and only its value is known. At least what is used here is
        // used there.
        if (isHighest && KernelText.Field(stat ??= Stat(), "hierarchical_memory_limit") is { } above and < KernelText.Unlimited
            && above < (Limit(path, Name) ?? long.MaxValue) && Used() is { } atLeast)
        {
            yield return Describe("memory.stat, hierarchical_memory_limit (of a cgroup above)", above, atLeast);
        }

        long? Used() => this.Used(path, "memory.usage_in_bytes");

        string? Stat() => source.ReadGenuine(path + "/memory.stat", KernelFile.OnCgroup);

        MemoryLimit Describe(string name, long value, long usage)
        {
            long cache = Sum(stat ??= Stat(), "total_inactive_file", "total_active_file");
            long left = Left(value, usage, cache);
            long swap = Limit(path, "memory.memsw.limit_in_bytes") is { } both
                && this.Used(path, "memory.memsw.usage_in_bytes") is { } bothUsed
                ? Left(both, bothUsed, cache) - left // memory and swap together
                : long.MaxValue;
            swap = NeverSwaps(path + "/memory.swappiness") ? 0 : swap;
            return this.Describe(MemoryLimitKind.Memory, $"{path}/{name}", value, left, swap);
        }
    }

    private MemoryLimit Describe(MemoryLimitKind kind, string file, long limit, long left, long swap) => new(
        kind, $"the memory cgroup's limit in {file}", limit, left)
    {
        Swap = Math.Clamp(swap, 0, SystemLimits.FreeSwap(source)),
        Reserve = Math.Min(limit / 4, MostReserve),
        Remedy = Remedy,
    };

    private long? Limit(string path, string name) =>
        KernelText.Number(source.Read($"{path}/{name}")) is { } limit and < KernelText.Unlimited ? limit : null;

    private long? Used(string path, string name) =>
        KernelText.Number(source.Read($"{path}/{name}")) is { } used ? Math.Min(used, KernelText.Unlimited) : null;

    // get_scan_count, mm/vmscan.c: reclaim for a cgroup's limit leaves anonymous memory alone when swappiness is 0
    private bool NeverSwaps(string swappiness) => source.Read(swappiness)?.Trim() == "0";

    private static long Left(long limit, long used, long cache) => limit - used + Math.Min(cache, used);

    private static long Sum(string? stat, params ReadOnlySpan<string> names)
    {
        long sum = 0;
        foreach (string name in names)
        {
            sum += Math.Min(KernelText.Field(stat, name) ?? 0, KernelText.Unlimited);
        }

        return sum;
    }
}
