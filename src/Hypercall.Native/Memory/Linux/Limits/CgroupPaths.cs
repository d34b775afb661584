using System.Globalization;

namespace Hypercall.Native;

/// <summary>The directories of this process's memory cgroups, from its own up to the highest that is visible.</summary>
internal static class CgroupPaths
{
    private const int MostLookedAt = 4096;

    /// <summary>Finds them.</summary>
    /// <param name="source">The host.</param>
    /// <param name="mount">A mount.</param>
    /// <param name="cgroup">The text of /proc/self/cgroup.</param>
    public static List<string> Find(ILimitSource source, CgroupMount mount, string? cgroup)
    {
        if (mount.OwnPath(cgroup) is not { } path || mount.WayTo(path) is not { } way)
        {
            return [];
        }

        string tail = string.Concat(way.Names.Select(name => "/" + name));
        int left = MostLookedAt;
        string top = mount.Point.TrimEnd('/');
        string? own = way.Unknown == 0 ? top + tail : FindMember(source, top, way.Unknown, tail, ref left);
        List<string> paths = [];
        for (string at = own ?? top; at.Length > top.Length; at = at[..at.LastIndexOf('/')])
        {
            paths.Add(at);
        }

        paths.Add(top);
        return paths;
    }

    // A namespace hides the names between a mount from outside and its own root. The cgroup that lists this process is the one.
    private static string? FindMember(ILimitSource source, string directory, int levels, string tail, ref int left)
    {
        if (levels == 0)
        {
            string own = source.ProcessId.ToString(CultureInfo.InvariantCulture);
            return source.Read(directory + tail + "/cgroup.procs")?.Split('\n').Contains(own) == true ? directory + tail : null;
        }

        foreach (string child in source.Directories(directory))
        {
            if (left-- <= 0)
            {
                return null;
            }

            if (FindMember(source, child, levels - 1, tail, ref left) is { } found)
            {
                return found;
            }
        }

        return null;
    }
}
