namespace Hypercall.Native.Tests.Memory.Limits;

public sealed class MappingLimitTests
{
    private readonly FakeLimitSource _host = new();
    private long _now;

    public MappingLimitTests() => _host["/proc/sys/vm/max_map_count"] = "65530\n";

    [Fact]
    public void The_runtime_keeps_its_reserve()
    {
        Exist(64_504);
        MappingLimit limit = new(_host, () => _now);
        Assert.False(limit.TryTake(3, out long count, out long most));
        Assert.Equal((64_504, 65_530), (count, most));
        Assert.True(limit.TryTake(2, out _, out _));
    }

    [Fact]
    public void A_count_is_made_when_the_estimate_nears_the_limit_and_not_for_each()
    {
        Exist(100);
        MappingLimit limit = new(_host, () => _now);
        for (int i = 0; i < 60_000; i++)
        {
            Assert.True(limit.TryTake(3, out _, out _)); // all merge: there are 100 all the time
        }

        Assert.InRange(_host.Reads, 1, 30);
    }

    [Fact]
    public void A_count_of_some_time_ago_is_made_again()
    {
        Exist(100);
        MappingLimit limit = new(_host, () => _now);
        Assert.True(limit.TryTake(3, out _, out _));
        Exist(65_000);
        _now += 1000;
        Assert.False(limit.TryTake(3, out _, out _));
    }

    [Fact]
    public void A_larger_limit_needs_the_kernels_word()
    {
        Exist(100_000);
        _host.MountOver("/proc/sys/vm/max_map_count", "1000000\n");
        Assert.False(new MappingLimit(_host, () => _now).TryTake(1, out _, out _));
        _host.MountOver("/proc/sys/vm/max_map_count", "5000\n");
        Exist(4_900);
        Assert.False(new MappingLimit(_host, () => _now).TryTake(1, out _, out long limit));
        Assert.Equal(5000, limit);
    }

    [Fact]
    public void Without_proc_the_buffers_that_live_are_counted()
    {
        _host.Remove("/proc/sys/vm/max_map_count");
        MappingLimit limit = new(_host, () => _now);
        int granted = 0;
        while (granted < 100_000 && limit.TryTake(1, out _, out _))
        {
            limit.Mapped();
            granted++;
        }

        Assert.InRange(granted, 50_000, 65_530);
    }

    [Fact]
    public void Without_proc_what_went_is_room_again()
    {
        _host.Remove("/proc/sys/vm/max_map_count");
        MappingLimit limit = new(_host, () => _now);
        for (int i = 0; i < 20_000; i++)
        {
            Assert.True(limit.TryTake(3, out _, out _), $"refused after {i} buffers that came and went");
            limit.Mapped();
            limit.Unmapped();
        }
    }

    [Fact]
    public void Buffers_that_the_kernel_merged_count_each_for_they_may_come_apart()
    {
        Exist(100);
        MappingLimit limit = new(_host, () => _now);
        int granted = 0;
        while (granted < 100_000 && limit.TryTake(3, out _, out _))
        {
            limit.Mapped();
            granted++;
        }

        Assert.InRange(granted, 64_300, 64_506 - 100);
        limit.Unmapped();
        limit.Unmapped();
        limit.Unmapped();
        Assert.True(limit.TryTake(3, out _, out _));
    }

    [Fact]
    public void Mappings_of_others_that_went_are_room_again()
    {
        Exist(64_600);
        MappingLimit limit = new(_host, () => _now);
        Assert.False(limit.TryTake(3, out _, out _));
        Exist(100);
        Assert.True(limit.TryTake(3, out _, out _));
    }

    private void Exist(int mappings) => _host["/proc/self/maps"] = new string('\n', mappings);
}
