using Hypercall.Native;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Linux.Tests.Kernel;

public class KernelModuleProviderTests
{
    private readonly StubModule _module = new();

    [Fact]
    public void A_module_that_can_be_opened_is_usable_and_is_never_the_CPUs_choice()
    {
        HypercallProbe probe = Probe();
        Assert.True(probe.IsUsable);
        Assert.False(probe.IsCpusChoice);
    }

    [Theory]
    [InlineData(-2, "the kernel module hypercall", "modprobe hypercall")]   // ENOENT
    [InlineData(-6, "the kernel module hypercall", "modprobe hypercall")]   // ENXIO
    [InlineData(-19, "the kernel module hypercall", "modprobe hypercall")]  // ENODEV
    [InlineData(-1, "CAP_SYS_RAWIO", "--cap-add SYS_RAWIO")]                // EPERM
    [InlineData(-13, "root", "Run as root")]                                // EACCES
    public void What_is_lacking_is_told_apart_with_what_helps(int opened, string needs, string remedy)
    {
        _module.Kernel.Devices[ModuleAbi.Device] = opened;
        HypercallProbe probe = Probe();
        Assert.False(probe.IsUsable);
        Assert.Equal(needs, probe.Needs);
        Assert.Contains(remedy, probe.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_that_nobody_foresaw_is_told_as_that_error()
    {
        _module.Kernel.Devices[ModuleAbi.Device] = -5;
        Assert.Contains("EIO", Probe().Reason, StringComparison.Ordinal);
        Assert.Null(Probe().Needs);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(2u)]
    public void Another_version_of_the_interface_is_told_with_both_numbers(uint version)
    {
        _module.Abi = version;
        HypercallProbe probe = Probe();
        Assert.False(probe.IsUsable);
        Assert.Contains($"version {version} of its interface, and this library version 1", probe.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(25, "another module's")] // ENOTTY
    [InlineData(1, "sandbox")]           // EPERM
    [InlineData(5, "EIO")]
    public void A_device_that_does_not_say_what_it_is_is_not_used(int error, string reason)
    {
        _module.Errors[ModuleAbi.AboutCommand] = error;
        HypercallProbe probe = Probe();
        Assert.False(probe.IsUsable);
        Assert.Contains(reason, probe.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(7u)]
    public void To_look_makes_no_call_and_leaves_nothing_open(uint version)
    {
        _module.Abi = version;
        _ = Probe();
        Assert.Equal([ModuleAbi.AboutCommand], _module.Kernel.Commands);
        Assert.Equal(0, _module.Kernel.OpenFiles);
    }

    [Fact]
    public void Where_this_is_not_Linux_it_is_not_here()
    {
        HypercallProbe probe = new KernelModuleProvider(null).Probe(new MadeUpCpuid("AuthenticAMD"));
        Assert.False(probe.IsUsable);
        Assert.Null(probe.Needs);
    }

    [Fact]
    public void A_fault_of_each_kind_has_advice_that_knows_of_the_kernel()
    {
        KernelModuleProvider provider = new(_module.Kernel);
        foreach (CpuFaultKind kind in (CpuFaultKind[])[CpuFaultKind.InvalidOpcode, CpuFaultKind.GeneralProtection, CpuFaultKind.PageFault])
        {
            Assert.NotNull(provider.Advise(new CpuFault(kind)));
        }

        Assert.Null(provider.Advise(new CpuFault(CpuFaultKind.Other)));
    }

    [Fact]
    public void It_registers_in_one_word_with_its_memory()
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.AddKernelModule().AddKernelModule());
        _ = services.AddKeyedHypercall("door", vmm => vmm.AddKernelModule());
        using ServiceProvider provider = services.BuildServiceProvider();

        _ = Assert.IsType<KernelModuleProvider>(Assert.Single(provider.GetServices<IHypercallProvider>()));
        _ = Assert.IsType<KernelModuleProvider>(Assert.Single(provider.GetKeyedServices<IHypercallProvider>("door")));
        Assert.NotSame(provider.GetRequiredService<KernelMemory>(), provider.GetRequiredKeyedService<KernelMemory>("door"));
        _ = Assert.IsType<NativeMachine>(provider.GetRequiredService<IHypercallMachine>());
    }

    private HypercallProbe Probe() => new KernelModuleProvider(_module.Kernel).Probe(new MadeUpCpuid("AuthenticAMD"));
}
