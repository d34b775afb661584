using System.Globalization;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>
/// How many huge pages of the pool the cgroups of this process allow it: the hugetlb controller, read for a message only.
/// </summary>
/// <remarks>
/// <code>
///   /proc/self/cgroup      id:controllers:path          which group, cgroups(7); "0::path" is version 2
///   /proc/self/mountinfo   ... root mountpoint ... - type source options           where it is to be seen, proc_pid_mountinfo(5)
///   hugetlb.2MB.limit_in_bytes (version 1), hugetlb.2MB.max (version 2)            in it and in each above it
/// </code>
/// </remarks>
internal static class HugeTlbCgroup
{
    /// <summary>
    /// The cgroup that allows the least, if it allows less than is wanted: "; the hugetlb cgroup ... allows 0 bytes of 2MB
    /// pages".
    /// </summary>
    /// <param name="size">The page size as the kernel names it: 2MB, 1GB.</param>
    /// <param name="length">How many bytes are wanted.</param>
    public static string Describe(string size, long length) =>
        Groups(KernelFile.TryRead("/proc/self/cgroup") ?? "", KernelFile.TryRead("/proc/self/mountinfo") ?? "")
            .SelectMany(group => Limits(group, size)).OrderBy(limit => limit.Bytes).FirstOrDefault() is { Group: { } tightest, Bytes: var bytes } && bytes < length
            ? string.Create(CultureInfo.InvariantCulture, $"; the hugetlb cgroup {tightest} allows {bytes} bytes of {size} pages")
            : "";

    /// <summary>The directories of the groups that this process is in, from its own up to the root that is mounted.</summary>
    /// <param name="membership">/proc/self/cgroup.</param>
    /// <param name="mounts">/proc/self/mountinfo.</param>
    public static IEnumerable<string> Groups(string membership, string mounts)
    {
        foreach (string[] fields in mounts.Split('\n').Select(line => line.Split(' ')))
        {
            int dash = Array.IndexOf(fields, "-");
            if (dash < 5 || fields.Length < dash + 4)
            {
                continue;
            }

            bool isVersion2 = fields[dash + 1] == "cgroup2";
            if (!isVersion2 && (fields[dash + 1] != "cgroup" || !fields[dash + 3].Split(',').Contains("hugetlb")))
            {
                continue;
            }

            string? path = membership.Split('\n').Select(line => line.Split(':', 3))
                .FirstOrDefault(parts => parts.Length == 3 && (isVersion2 ? parts[0] == "0" : parts[1].Split(',').Contains("hugetlb")))?[2];
            string root = fields[3].TrimEnd('/');
            if (path is null || !(path == root || path.StartsWith(root + "/", StringComparison.Ordinal)))
            {
                continue;
            }

            string mountPoint = fields[4];
            for (string rest = path[root.Length..].TrimEnd('/'); ; rest = rest[..rest.LastIndexOf('/')])
            {
                yield return mountPoint + rest;
                if (rest.Length == 0)
                {
                    break;
                }
            }
        }
    }

    private static IEnumerable<(string? Group, long Bytes)> Limits(string group, string size)
    {
        foreach (string file in (string[])["limit_in_bytes", "max", "rsvd.limit_in_bytes", "rsvd.max"])
        {
            if (long.TryParse(KernelFile.TryRead($"{group}/hugetlb.{size}.{file}"), CultureInfo.InvariantCulture, out long bytes))
            {
                yield return (group, bytes);
            }
        }
    }
}
