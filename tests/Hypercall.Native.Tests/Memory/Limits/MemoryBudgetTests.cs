using FsCheck;
using FsCheck.Xunit;

namespace Hypercall.Native.Tests.Memory.Limits;

public sealed class MemoryBudgetTests
{
    private const long Mebi = 1 << 20;
    private readonly FakeLimitSource _host = new() { System = new SystemInfo(1L << 40, 1L << 40, 0) };
    private long _now;

    public MemoryBudgetTests()
    {
        _host["/proc/self/mountinfo"] = "35 31 0:32 / /m rw - cgroup cgroup rw,memory\n";
        _host["/proc/self/cgroup"] = "4:memory:/a\n";
        _host["/proc/self/maps"] = "\n";
        _host["/m/a/memory.limit_in_bytes"] = $"{256 * Mebi}";
        Use(0);
    }

    [Fact]
    public void More_than_a_cgroup_leaves_is_refused_naming_it()
    {
        GuestMemoryRefusal refusal = Refused(512 * Mebi);
        Assert.Equal(GuestMemoryRefusalReason.OutOfMemory, refusal.Reason);
        Assert.Equal(256 * Mebi, refusal.Limit);
        Assert.Equal(512 * Mebi, refusal.Needed);
        Assert.Contains("/m/a/memory.limit_in_bytes", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("MemoryMax=", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pages_of_the_pool_come_out_of_another_budget()
    {
        Claim(new MemoryBudget(_host, () => _now), 512 * Mebi, LinuxMapping.HugePages);
        Claim(new MemoryBudget(_host, () => _now), 1024 * Mebi, LinuxMapping.GiantPages);
    }

    [Fact]
    public void Small_buffers_are_counted_without_a_reading_for_each()
    {
        MemoryBudget budget = new(_host, () => _now);
        int granted = 0;
        int readings = 0;
        int before = _host.Reads;
        while (granted < 100_000 && budget.TryClaim(4096, Demand(4096), out MemoryClaim claim) is null)
        {
            claim.Dispose();
            budget.Mapped(4096);
            Use(++granted * 4096L);
            readings += _host.Reads > before + 1 ? 1 : 0;
            before = _host.Reads;
        }

        Assert.InRange(granted * 4096L, 230 * Mebi, 240 * Mebi); // 16 MiB are kept
        Assert.InRange(readings, 1, 300);
    }

    [Fact]
    public void What_others_take_is_seen_after_a_while()
    {
        MemoryBudget budget = new(_host, () => _now);
        Claim(budget, Mebi);
        Use(250 * Mebi);
        _now += 1000;
        Assert.NotNull(budget.TryClaim(20 * Mebi, Demand(20 * Mebi), out _));
    }

    [Fact]
    public void A_first_small_buffer_is_not_refused_for_the_reserve()
    {
        Use(250 * Mebi);
        Claim(new MemoryBudget(_host, () => _now), 100_000);
    }

    [Fact]
    public async Task Who_comes_while_another_is_taking_waits_for_what_that_leaves()
    {
        MemoryBudget budget = new(_host, () => _now);
        Assert.Null(budget.TryClaim(150 * Mebi, Demand(150 * Mebi), out MemoryClaim first));
        Task<GuestMemoryRefusal?> second = Task.Run(() => budget.TryClaim(150 * Mebi, Demand(150 * Mebi), out _));
        Use(150 * Mebi);
        first.Dispose();
        Assert.NotNull(await second);
    }

    [Fact]
    public async Task Who_fits_beside_what_another_took_is_granted()
    {
        MemoryBudget budget = new(_host, () => _now);
        Assert.Null(budget.TryClaim(150 * Mebi, Demand(150 * Mebi), out MemoryClaim first));
        Task<GuestMemoryRefusal?> second = Task.Run(() => budget.TryClaim(200 * Mebi, Demand(200 * Mebi), out _));
        first.Dispose(); // and took nothing
        Assert.Null(await second);
    }

    [Fact]
    public void The_limits_that_were_told_last_bind_while_no_file_can_be_opened()
    {
        MemoryBudget budget = new(_host, () => _now);
        Claim(budget, Mebi);
        _host.IsOutOfDescriptors = true;
        _now += 1000;
        GuestMemoryRefusal? refusal = budget.TryClaim(512 * Mebi, Demand(512 * Mebi), out _);
        Assert.Contains("/m/a/memory.limit_in_bytes", refusal?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_taken_counts_while_no_file_can_be_opened_until_it_is_given_back()
    {
        MemoryBudget budget = new(_host, () => _now);
        Claim(budget, Mebi);
        _host.IsOutOfDescriptors = true;
        for (int i = 0; i < 100; i++)
        {
            _now += 1000;
            Claim(budget, 200 * Mebi);
            budget.Mapped(200 * Mebi);
            _now += 1000;
            Assert.NotNull(budget.TryClaim(100 * Mebi, Demand(100 * Mebi), out _));
            budget.Unmapped(200 * Mebi);
        }
    }

    [Property]
    public void What_is_granted_never_passes_the_limit(PositiveInt[] pages)
    {
        MemoryBudget budget = new(_host, () => _now);
        long used = 0;
        foreach (PositiveInt some in pages)
        {
            long length = some.Get % 8192 * 4096L;
            if (length > 0 && budget.TryClaim(length, Demand(length), out MemoryClaim claim) is null)
            {
                used += length;
                Use(used);
                claim.Dispose();
            }
        }

        Assert.InRange(used, 0, 256 * Mebi);
    }

    private static MemoryDemand Demand(long length, LinuxMapping kind = LinuxMapping.Pages) => MemoryDemand.Of(kind, length, Residency.Locked);

    private GuestMemoryRefusal Refused(long length)
    {
        GuestMemoryRefusal? refusal = new MemoryBudget(_host, () => _now).TryClaim(length, Demand(length), out _);
        Assert.NotNull(refusal);
        return refusal;
    }

    private static void Claim(MemoryBudget budget, long length, LinuxMapping kind = LinuxMapping.Pages)
    {
        GuestMemoryRefusal? refusal = budget.TryClaim(length, Demand(length, kind), out MemoryClaim claim);
        Assert.True(refusal is null, refusal?.Message);
        claim.Dispose();
    }

    private void Use(long bytes) => _host["/m/a/memory.usage_in_bytes"] = $"{bytes}";
}
