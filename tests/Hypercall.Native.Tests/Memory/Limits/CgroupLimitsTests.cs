using FsCheck.Xunit;

namespace Hypercall.Native.Tests.Memory.Limits;

public sealed class CgroupLimitsTests
{
    private const long Mebi = 1 << 20;
    private const string Nothing = "9223372036854771712"; // how v1 says that there is no limit
    private readonly FakeLimitSource _host = new() { System = new SystemInfo(1024 * Mebi, 512 * Mebi, 0) };

    [Fact]
    public void Page_cache_counts_as_left_in_v1()
    {
        First("/", "/a");
        Group("/m/a", limit: 256, used: 200, cache: 150);
        MemoryLimit limit = Assert.Single(Read());
        Assert.Equal(256 * Mebi, limit.Value);
        Assert.Equal(206 * Mebi, limit.Left);
        Assert.Contains("/m/a/memory.limit_in_bytes", limit.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_cgroup_up_to_the_root_binds()
    {
        First("/", "/a/b/c");
        Group("/m/a/b/c", limit: null, used: 1);
        Group("/m/a/b", limit: 64, used: 10);
        Group("/m/a", limit: 32, used: 30);
        Group("/m", limit: null, used: 500);
        Assert.Equal([54 * Mebi, 2 * Mebi], Read().Select(limit => limit.Left));
    }

    [Fact]
    public void A_limit_above_what_is_visible_is_known_by_its_value()
    {
        First("/docker/1", "/docker/1");
        Group("/m", limit: null, used: 10);
        _host["/m/memory.stat"] = $"total_inactive_file 0\nhierarchical_memory_limit {64 * Mebi}\n";
        MemoryLimit limit = Assert.Single(Read());
        Assert.Equal(64 * Mebi, limit.Value);
        Assert.Equal(54 * Mebi, limit.Left);
    }

    [Fact]
    public void A_mount_from_outside_a_namespace_leads_to_the_cgroup_that_lists_this_process()
    {
        First("/../..", "/x");
        Group("/m/a/b/x", limit: 16, used: 1);
        Group("/m/a/c/x", limit: 8, used: 1);
        _host["/m/a/b/x/cgroup.procs"] = "1\n4711\n";
        _host["/m/a/c/x/cgroup.procs"] = "47\n";
        Assert.Equal(15 * Mebi, Assert.Single(Read()).Left);
    }

    [Fact]
    public void Memory_and_swap_together_bind_what_may_be_swapped_out_in_v1()
    {
        _host.System = new SystemInfo(1024 * Mebi, 0, 500 * Mebi);
        First("/", "/a");
        Group("/m/a", limit: 100, used: 60);
        _host["/m/a/memory.memsw.limit_in_bytes"] = $"{130 * Mebi}";
        _host["/m/a/memory.memsw.usage_in_bytes"] = $"{70 * Mebi}";
        Assert.Equal(20 * Mebi, Assert.Single(Read()).Swap);
        _host["/m/a/memory.swappiness"] = "0\n";
        Assert.Equal(0, Assert.Single(Read()).Swap);
    }

    [Fact]
    public void The_unified_hierarchy_has_max_high_and_swap_of_its_own()
    {
        _host.System = new SystemInfo(1024 * Mebi, 0, 500 * Mebi);
        _host["/proc/self/mountinfo"] = "41 31 0:38 / /u rw - cgroup2 cgroup2 rw\n";
        _host["/proc/self/cgroup"] = "0::/a\n";
        _host["/u/a/memory.max"] = $"{64 * Mebi}\n";
        _host["/u/a/memory.high"] = $"{48 * Mebi}\n";
        _host["/u/a/memory.current"] = $"{40 * Mebi}\n";
        _host["/u/a/memory.stat"] = $"anon 1\ninactive_file {6 * Mebi}\nactive_file {3 * Mebi}\nslab_reclaimable {Mebi}\n";
        _host["/u/a/memory.swap.max"] = $"{8 * Mebi}\n";
        _host["/u/a/memory.swap.current"] = $"{5 * Mebi}\n";
        Assert.Equal([(34 * Mebi, 3 * Mebi), (18 * Mebi, 3 * Mebi)], Read().Select(limit => (limit.Left, limit.Swap)));
        _host["/u/a/memory.max"] = "max\n";
        _host["/u/a/memory.high"] = "max\n";
        Assert.Empty(Read());
    }

    [Theory]
    [InlineData("", MemoryLimitKind.Memory)]
    [InlineData(",memory_hugetlb_accounting", MemoryLimitKind.MemoryAndPool)]
    public void Pages_of_the_pool_are_charged_where_the_mount_says_so(string option, object kind)
    {
        _host["/proc/self/mountinfo"] = $"41 31 0:38 / /u rw - cgroup2 cgroup2 rw{option}\n";
        _host["/proc/self/cgroup"] = "0::/a\n";
        _host["/u/a/memory.max"] = "1000";
        _host["/u/a/memory.current"] = "1";
        Assert.Equal(kind, Assert.Single(Read()).Kind);
    }

    [Fact]
    public void What_could_be_reclaimed_is_believed_only_when_the_kernel_says_it()
    {
        First("/", "/a");
        Group("/m/a", limit: 256, used: 200);
        _host.MountOver("/m/a/memory.stat", $"total_inactive_file {150 * Mebi}\n");
        Assert.Equal(56 * Mebi, Assert.Single(Read()).Left);
    }

    [Fact]
    public void A_process_that_is_moved_is_found_again()
    {
        First("/", "/a");
        Group("/m/a", limit: 256, used: 0);
        Group("/m/b", limit: 16, used: 0);
        CgroupLimits limits = new(_host);
        Assert.Equal(256 * Mebi, Assert.Single(limits.Read()).Left);
        _host["/proc/self/cgroup"] = "4:memory:/b\n";
        Assert.Equal(16 * Mebi, Assert.Single(limits.Read()).Left);
    }

    [Fact]
    public void What_could_not_be_opened_is_looked_for_again()
    {
        First("/", "/a");
        Group("/m/a", limit: 256, used: 0);
        CgroupLimits limits = new(_host);
        _host.IsOutOfDescriptors = true;
        Assert.Empty(limits.Read());
        _host.IsOutOfDescriptors = false;
        Assert.Single(limits.Read());
    }

    [Property]
    public void No_number_and_no_garbage_is_an_exception_and_nothing_is_left_beyond_the_limit(ulong limit, ulong used, ulong cache, string? garbage)
    {
        First("/", "/a");
        _host["/m/a/memory.limit_in_bytes"] = $"{limit}\n";
        _host["/m/a/memory.usage_in_bytes"] = $"{used}\n";
        _host["/m/a/memory.stat"] = $"{garbage}\ntotal_inactive_file {cache}\ntotal_active_file {cache}\n";
        _host["/m/a/memory.memsw.limit_in_bytes"] = garbage ?? "";
        _host["/m/memory.limit_in_bytes"] = garbage ?? "";
        Assert.All(Read(), found => Assert.InRange(found.Left, long.MinValue, found.Value));
        Assert.All(Read(), found => Assert.InRange(found.Swap, 0, long.MaxValue));
    }

    private List<MemoryLimit> Read() => [.. new CgroupLimits(_host).Read()];

    private void First(string root, string path)
    {
        _host["/proc/self/mountinfo"] = $"35 31 0:32 {root} /m rw - cgroup cgroup rw,memory\n";
        _host["/proc/self/cgroup"] = $"4:memory:{path}\n0::/\n";
    }

    private void Group(string path, long? limit, long used, long cache = 0)
    {
        _host[path + "/memory.limit_in_bytes"] = limit is { } value ? $"{value * Mebi}\n" : Nothing;
        _host[path + "/memory.usage_in_bytes"] = $"{used * Mebi}\n";
        _host[path + "/memory.stat"] = $"cache 5\ntotal_inactive_file {cache / 3 * Mebi}\ntotal_active_file {(cache - (cache / 3)) * Mebi}\nhierarchical_memory_limit {Nothing}\n";
    }
}
