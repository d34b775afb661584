namespace Hypercall.Native.Tests.Memory.Limits;

public sealed class SystemLimitsTests
{
    private const long Mebi = 1 << 20;
    private readonly FakeLimitSource _host = new() { System = new SystemInfo(1024 * Mebi, 512 * Mebi, 100 * Mebi) };

    [Fact]
    public void Less_than_the_kernel_says_is_believed_of_anybody()
    {
        _host.MountOver("/proc/meminfo", "MemAvailable:   51200 kB\nSwapFree: 1024 kB\n");
        MemoryLimit limit = Assert.Single(SystemLimits.Read(_host));
        Assert.Equal(50 * Mebi, limit.Left);
        Assert.Equal(Mebi, limit.Swap);
    }

    [Fact]
    public void More_than_there_is_is_believed_of_nobody()
    {
        _host["/proc/meminfo"] = "MemAvailable:   999999999999 kB\nSwapFree: 999999999999 kB\n";
        MemoryLimit limit = Assert.Single(SystemLimits.Read(_host));
        Assert.Equal(1024 * Mebi, limit.Left);
        Assert.Equal(100 * Mebi, limit.Swap);
    }

    [Fact]
    public void A_file_mounted_over_meminfo_is_held_against_the_kernels_count_of_pages()
    {
        _host.MountOver("/proc/meminfo", $"MemAvailable: {900 * 1024} kB\n");
        _host["/proc/vmstat"] = "nr_free_pages 25600\nnr_inactive_file 12800\nnr_active_file 12800\nnr_slab_reclaimable 0\n";
        Assert.Equal(200 * Mebi, Assert.Single(SystemLimits.Read(_host)).Left);
    }

    [Fact]
    public void Without_proc_the_system_call_says_what_is_free() => Assert.Equal(512 * Mebi, Assert.Single(SystemLimits.Read(_host)).Left);

    [Fact]
    public void Memory_that_is_left_is_told_without_a_word_on_what_is_used()
    {
        MemoryLimit limit = Assert.Single(SystemLimits.Read(_host));
        string message = LimitRefusals.Passed(limit, 1024 * Mebi, MemoryDemand.OfWindow(1024 * Mebi, Residency.Locked)).Message;
        Assert.EndsWith(
            "up to 16777216 of which are kept for the program itself. Taking more would wake the kernel's OOM killer. Free memory, or ask for less.",
            message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", 1)]
    [InlineData("2", 2)]
    public void A_machine_that_promises_no_more_than_it_has_has_a_limit_on_promises(string overcommit, int limits)
    {
        _host["/proc/meminfo"] = $"MemAvailable: {900 * 1024} kB\nCommitLimit: {600 * 1024} kB\nCommitted_AS: {500 * 1024} kB\n";
        _host["/proc/sys/vm/overcommit_memory"] = overcommit + "\n";
        Assert.Equal(limits, SystemLimits.Read(_host).Count());
        Assert.All(SystemLimits.Read(_host).Where(limit => limit.Kind == MemoryLimitKind.Commit), limit => Assert.Equal(100 * Mebi, limit.Left));
    }
}
