using System.Globalization;
using System.Text.RegularExpressions;

namespace Hypercall.Native;

/// <summary>
/// Where a hierarchy of cgroups that limits memory is mounted, as a line of /proc/self/mountinfo tells it: proc_pid_mountinfo(5).
/// </summary>
/// <remarks>
/// <code>
///   35 31 0:32 /docker/7fd1 /sys/fs/cgroup/memory ro,nosuid master:9 - cgroup cgroup rw,memory
///              ^ root       ^ mount point                              ^ type        ^ of the file system: which controllers
/// </code>
/// Root and the paths of /proc/self/cgroup count from the root of the process's cgroup namespace, and begin with ".." where they
/// lie outside it: cgroup_namespaces(7).
/// </remarks>
/// <param name="Root">Which cgroup is seen at the mount point.</param>
/// <param name="Point">The mount point.</param>
/// <param name="IsUnified">Whether it is cgroup v2.</param>
/// <param name="CountsPool">Whether pages of the huge page pool are charged as memory, too: Linux 6.7, v2.</param>
internal sealed partial record CgroupMount(string Root, string Point, bool IsUnified, bool CountsPool)
{
    /// <summary>The mounts that can limit memory, in the order of the text.</summary>
    /// <param name="mountInfo">The text of mountinfo.</param>
    public static IEnumerable<CgroupMount> Parse(string? mountInfo)
    {
        foreach (string line in (mountInfo ?? "").Split('\n'))
        {
            string[] fields = line.Split(' ');
            int dash = Array.IndexOf(fields, "-");
            if (dash < 6 || dash + 3 >= fields.Length)
            {
                continue;
            }

            string[] options = fields[dash + 3].Split(',');
            bool unified = fields[dash + 1] == "cgroup2";
            if (unified || (fields[dash + 1] == "cgroup" && options.Contains("memory")))
            {
                yield return new CgroupMount(Unescape(fields[3]), Unescape(fields[4]), unified, options.Contains("memory_hugetlb_accounting"));
            }
        }
    }

    /// <summary>The path of this process's cgroup in the hierarchy that limits memory.</summary>
    /// <param name="cgroup">The text of /proc/self/cgroup: lines of "number:controllers:path", "0::path" for v2.
    /// cgroups(7).</param>
    public string? OwnPath(string? cgroup)
    {
        foreach (string line in (cgroup ?? "").Split('\n'))
        {
            string[] fields = line.Split(':', 3);
            if (fields.Length == 3 && (IsUnified ? fields[0] == "0" && fields[1].Length == 0 : fields[1].Split(',').Contains("memory")))
            {
                return fields[2];
            }
        }

        return null;
    }

    /// <summary>How to get from the root of the mount down to a cgroup.</summary>
    /// <param name="path">The cgroup, from the root of the namespace.</param>
    /// <returns>How many levels whose names are not visible from inside the namespace, and the names below; null if the cgroup is
    /// not below the root.</returns>
    public (int Unknown, string[] Names)? WayTo(string path)
    {
        string[] root = Split(Root);
        string[] names = Split(path);
        int common = 0;
        while (common < root.Length && common < names.Length && root[common] == names[common])
        {
            common++;
        }

        // What is left of the root climbs out of the namespace ("..", above where the path starts), or leads away from the path.
        bool climbs = root.AsSpan(common).IndexOfAnyExcept("..") < 0;
        return climbs && (common == names.Length || names[common] != "..") ? (root.Length - common, names[common..]) : null;
    }

    private static string[] Split(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    // Blanks, tabs, line ends and backslashes are octal there.
    private static string Unescape(string text) =>
        Octal().Replace(text, match => ((char)Convert.ToInt32(match.Groups[1].Value, 8)).ToString(CultureInfo.InvariantCulture));

    [GeneratedRegex(@"\\([0-3][0-7]{2})")]
    private static partial Regex Octal();
}
