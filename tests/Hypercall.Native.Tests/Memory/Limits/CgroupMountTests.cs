using FsCheck.Xunit;

namespace Hypercall.Native.Tests.Memory.Limits;

public sealed class CgroupMountTests
{
    [Fact]
    public void The_mounts_that_limit_memory_are_found_among_others()
    {
        const string Text = """
            22 27 0:21 / /proc rw,relatime - proc proc rw
            34 31 0:31 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
            35 31 0:32 /docker/7fd1 /sys/fs/cgroup/a\040memory ro,nosuid shared:9 master:3 - cgroup cgroup rw,memory
            41 31 0:38 /../.. /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate,memory_hugetlb_accounting
            42 31 0:39 / /somewhere rw - ext4 /dev/memory rw,memory
            """;
        Assert.Equal(
            [new CgroupMount("/docker/7fd1", "/sys/fs/cgroup/a memory", false, false), new CgroupMount("/../..", "/sys/fs/cgroup", true, true)],
            CgroupMount.Parse(Text));
    }

    [Theory]
    [InlineData(true, "/user.slice")]
    [InlineData(false, "/docker/7fd1:x")]
    public void The_own_path_is_that_of_the_hierarchy(bool unified, string expected) => Assert.Equal(
        expected, new CgroupMount("/", "/m", unified, false).OwnPath("9:name=systemd:/\n4:cpu,memory:/docker/7fd1:x\n3:memory_like:/no\n0::/user.slice\n"));

    [Theory]
    [InlineData("/", "/a/b", 0, "a/b")] // all of it is visible
    [InlineData("/", "/", 0, "")]
    [InlineData("/docker/1", "/docker/1", 0, "")] // a container sees its own as the root
    [InlineData("/docker/1", "/docker/1/x", 0, "x")]
    [InlineData("/..", "/", 1, "")] // a namespace, and a mount from outside: two names are hidden
    [InlineData("/../..", "/x", 2, "x")]
    [InlineData("/..", "/../y", 0, "y")] // a process that was moved out of its namespace
    [InlineData("/../..", "/../y", 1, "y")]
    public void The_way_down_from_the_root_of_a_mount(string root, string path, int unknown, string names)
    {
        (int Unknown, string[] Names) way = new CgroupMount(root, "/m", true, false).WayTo(path)!.Value;
        Assert.Equal(unknown, way.Unknown);
        Assert.Equal(names, string.Join('/', way.Names));
    }

    [Theory]
    [InlineData("/docker/1", "/docker/2")]
    [InlineData("/docker/1", "/")]
    [InlineData("/", "/../y")]
    [InlineData("/a", "/../y")]
    [InlineData("/../y", "/")]
    public void A_mount_of_a_cgroup_that_is_not_above_says_nothing(string root, string path) =>
        Assert.Null(new CgroupMount(root, "/m", true, false).WayTo(path));

    [Property]
    public void No_text_is_an_exception(string? first, string? second)
    {
        foreach (CgroupMount mount in CgroupMount.Parse($"35 31 0:32 {first} {second} rw - cgroup cgroup rw,memory\n{second}\n{first} - cgroup2 x y").ToList())
        {
            _ = mount.OwnPath(first);
            _ = mount.WayTo(second ?? "");
        }
    }
}
