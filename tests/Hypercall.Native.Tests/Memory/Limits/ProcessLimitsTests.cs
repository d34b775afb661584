using FsCheck.Xunit;

namespace Hypercall.Native.Tests.Memory.Limits;

public sealed class ProcessLimitsTests
{
    private const int Data = 2;
    private const int AddressSpace = 9;
    private readonly FakeLimitSource _host = new();

    public ProcessLimitsTests() => _host["/proc/self/status"] = "VmPeak: 9 kB\nVmSize:\t  100 kB\nVmData:\t   40 kB\n";

    [Fact]
    public void Address_space_and_data_are_held_against_what_is_mapped()
    {
        _host.Limits[AddressSpace] = (1_024_000, ulong.MaxValue);
        _host.Limits[Data] = (102_400, 102_400);
        Assert.Equal(
            [(MemoryLimitKind.Address, 1_024_000 - 102_400), (MemoryLimitKind.Data, 102_400L - 40_960)],
            ProcessLimits.Read(_host).Select(limit => (limit.Kind, limit.Left)));
    }

    [Fact]
    public void A_soft_limit_of_0_on_data_means_the_hard_one()
    {
        _host.Limits[Data] = (0, 81_920);
        Assert.Equal(40_960, Assert.Single(ProcessLimits.Read(_host)).Left);
    }

    [Fact]
    public void A_kernel_that_ignores_the_limit_on_data_has_none()
    {
        _host.Limits[Data] = (4096, 4096);
        _host["/sys/module/kernel/parameters/ignore_rlimit_data"] = "Y\n";
        Assert.Empty(ProcessLimits.Read(_host));
        _host.MountOver("/sys/module/kernel/parameters/ignore_rlimit_data", "Y\n");
        Assert.Single(ProcessLimits.Read(_host));
    }

    [Property]
    public void No_limit_is_an_exception(ulong soft, ulong hard, ulong size)
    {
        _host.Limits[AddressSpace] = (soft, hard);
        _host.Limits[Data] = (soft, hard);
        _host["/proc/self/status"] = $"VmSize: {size} kB\nVmData: {size} kB\n";
        Assert.All(ProcessLimits.Read(_host), limit => Assert.InRange(limit.Left, long.MinValue, limit.Value));
    }
}
