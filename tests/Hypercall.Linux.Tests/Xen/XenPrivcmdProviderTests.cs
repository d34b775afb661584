using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Linux.Tests.Xen;

public class XenPrivcmdProviderTests
{
    private readonly StubKernel _kernel = new();

    [Fact]
    public void A_device_that_can_be_opened_is_usable_without_a_call()
    {
        _kernel.Devices["/dev/xen/privcmd"] = 0;
        Assert.True(Probe().IsUsable);
        Assert.False(Probe().IsCpusChoice);
        Assert.Empty(_kernel.Commands);
        Assert.Equal(0, _kernel.OpenFiles);
    }

    [Theory]
    [InlineData(null, null, "does not say")]
    [InlineData("kvm\n", null, "does not say")]
    [InlineData("xen\n", "the kernel module xen-privcmd", "not loaded")]
    public void Without_a_device_it_lacks_the_module_where_this_is_Xen_and_is_not_here_elsewhere(string? type, string? needs, string reason)
    {
        if (type is not null)
        {
            _kernel.Files["/sys/hypervisor/type"] = type;
        }

        HypercallProbe probe = Probe();
        Assert.Equal(needs, probe.Needs);
        Assert.Contains(reason, probe.Reason, StringComparison.Ordinal);
        Assert.Contains("modprobe xen-privcmd", probe.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_of_roots_needs_root()
    {
        _kernel.Devices["/dev/xen/privcmd"] = -13;
        Assert.Equal("root", Probe().Needs);
    }

    [Fact]
    public void It_registers_in_one_word_with_its_memory()
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.AddXenPrivcmd().AddXenPrivcmd());
        using ServiceProvider provider = services.BuildServiceProvider();

        _ = Assert.IsType<XenPrivcmdProvider>(Assert.Single(provider.GetServices<IHypercallProvider>()));
        Assert.NotNull(provider.GetRequiredService<XenMemory>());
    }

    private HypercallProbe Probe() => new XenPrivcmdProvider(_kernel).Probe(new MadeUpCpuid("AuthenticAMD"));
}
