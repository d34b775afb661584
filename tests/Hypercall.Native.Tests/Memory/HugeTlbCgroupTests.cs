using System.Runtime.InteropServices;
using Hypercall.Tests.Hosts;

namespace Hypercall.Native.Tests.Memory;

/// <summary>A pool of huge pages with free pages, and a cgroup that allows none of them: every pod that asked for none.</summary>
[Collection(WholeMachine.Name)]
public sealed partial class HugeTlbCgroupTests
{
    [Fact]
    public void A_pool_that_the_cgroup_closes_is_as_an_empty_one_and_transparent_huge_pages_do()
    {
        Host.NeedsFrames();
        Assert.SkipWhen(
            File.ReadAllText("/sys/kernel/mm/transparent_hugepage/enabled").Contains("[never]", StringComparison.Ordinal),
            "needs transparent huge pages");
        Dictionary<string, string> told = RunInClosedCgroup();
        Assert.SkipWhen(
            told["large-contiguous"].Contains("transparent huge pages: broke", StringComparison.Ordinal),
            "memory is too fragmented for a huge page");
        Assert.Equal("Touched Contiguous", told["large-contiguous"]);
    }

    [Fact]
    public void Where_nothing_else_does_the_limit_of_the_cgroup_is_named_and_scattered_is_the_fallback()
    {
        Host.NeedsFrames();
        Dictionary<string, string> told = RunInClosedCgroup("madvise.2.14=EPERM", "madvise.2.25=EPERM"); // MADV_HUGEPAGE, MADV_COLLAPSE
        Assert.SkipWhen(told["large-contiguous"] == "Touched Contiguous", "small pages happened to be neighbours");
        Assert.StartsWith("NotContiguous", told["large-contiguous"], StringComparison.Ordinal);
        Assert.Contains("huge pages of the pool: madvise(MADV_POPULATE_WRITE): Bad address (EFAULT); the hugetlb cgroup /", told["large-contiguous"], StringComparison.Ordinal);
        Assert.Contains("allows 0 bytes of 2MB pages; transparent huge pages: broke after", told["large-contiguous"], StringComparison.Ordinal);
        Assert.Equal("Touched Any", told["large-contiguous-or-fallback"]);
    }

    [Fact]
    public void A_closed_pool_kills_nobody_where_the_kernel_does_not_populate()
    {
        Host.NeedsFrames();
        Dictionary<string, string> told = RunInClosedCgroup("madvise.2.23=EINVAL"); // a store would raise SIGBUS
        Assert.Equal("reached", told["end"]);
    }

    [Theory]
    [InlineData("5:hugetlb:/kube/pod1\n0::/\n", "36 30 0:31 / /cg/hugetlb rw - cgroup cgroup rw,hugetlb\n", "/cg/hugetlb/kube/pod1 /cg/hugetlb/kube /cg/hugetlb")]
    [InlineData("0::/a/b\n", "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/a/b /sys/fs/cgroup/a /sys/fs/cgroup")]
    [InlineData("0::/\n", "30 24 0:26 / /sys/fs/cgroup rw shared:4 master:1 - cgroup2 none rw\n", "/sys/fs/cgroup")]
    [InlineData("3:cpu,hugetlb:/docker/7\n", "36 30 0:31 /docker/7 /cg rw - cgroup cgroup rw,cpu,hugetlb\n", "/cg")]
    [InlineData("3:cpu,hugetlb:/docker/7\n", "36 30 0:31 /docker/77 /cg rw - cgroup cgroup rw,cpu,hugetlb\n", "")]
    [InlineData("4:memory:/a\n", "36 30 0:31 / /cg rw - cgroup cgroup rw,memory\n", "")]
    [InlineData("", "", "")]
    [InlineData("nonsense", "1 2 3 -\n- - -\n", "")]
    public void The_groups_are_found_from_the_own_one_up_to_the_mount(string membership, string mounts, string expected) =>
        Assert.Equal(expected, string.Join(' ', HugeTlbCgroup.Groups(membership, mounts)));

    private static Dictionary<string, string> RunInClosedCgroup(params string[] rules)
    {
        string sandbox = CProgram.Build("sandbox");
        string mount = Directory.CreateTempSubdirectory("hypercall-hugetlb-").FullName;
        string group = Path.Combine(mount, $"closed-{Environment.ProcessId}"); // there is one hierarchy, and everybody who mounts it sees all of its groups
        bool isMounted = false;
        try
        {
            isMounted = Mount("cgroup", mount, "cgroup", 0, "hugetlb") == 0;
            Assert.SkipUnless(
                isMounted, $"the hugetlb controller of cgroup v1 cannot be mounted: {Marshal.GetLastPInvokeErrorMessage()}");
            using ReservedHugePages reserved = ReservedHugePages.Take(4);
            _ = Directory.CreateDirectory(group);
            File.WriteAllText(Path.Combine(group, "hugetlb.2MB.limit_in_bytes"), "0");
            return Probe.RunBehind(["/bin/sh", "-c", $"echo $$ > {group}/cgroup.procs && exec \"$@\"", "sh", sandbox, .. rules, "--"], []);
        }
        finally
        {
            try
            {
                if (Directory.Exists(group))
                {
                    Host.Until(() => RemoveDirectory(group) == 0, "the cgroup could be removed"); // not while its last process is being taken down
                }
            }
            finally
            {
                if (isMounted)
                {
                    _ = Unmount(mount);
                }

                Directory.Delete(mount);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, nuint flags, string data);

    [LibraryImport("libc", EntryPoint = "umount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target);

    [LibraryImport("libc", EntryPoint = "rmdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RemoveDirectory(string path);
}
