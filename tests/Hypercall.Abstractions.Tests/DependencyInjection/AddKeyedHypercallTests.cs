using System.Diagnostics.Metrics;
using Hypercall.BitVisor;
using Hypercall.Testing;
using Hypercall.Tests.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Hypercall.Tests.DependencyInjection;

public class AddKeyedHypercallTests
{
    [Fact]
    public void Two_machines_live_in_one_program()
    {
        using ServiceProvider services = TwoFakes(new ServiceCollection()).BuildServiceProvider();
        Assert.Equal((1ul, 2ul), (Ask(services, "left"), Ask(services, "right")));
        Assert.Equal(
            (2L, 2L), (services.GetRequiredKeyedService<FakeMachine>("left").Calls, services.GetRequiredKeyedService<FakeMachine>("right").Calls));
    }

    [Fact]
    public void All_services_of_a_key_are_those_of_its_machine()
    {
        using ServiceProvider services = TwoFakes(new ServiceCollection()).BuildServiceProvider();
        FakeMachine left = services.GetRequiredKeyedService<FakeMachine>("left");
        Assert.NotSame(left, services.GetRequiredKeyedService<FakeMachine>("right"));
        Assert.Same(left.Memory, services.GetRequiredKeyedService<IGuestMemory>("left"));
        Assert.Same(left.Signs, services.GetRequiredKeyedService<IHypercallMachine>("left").Signs);
        Assert.Same(left.Providers, services.GetRequiredKeyedService<IHypercallMachine>("left").Providers);
        Assert.Same(left.Cpuid, services.GetRequiredKeyedService<ICpuid>("left"));
        Assert.Equal(left.Cpu, services.GetRequiredKeyedService<CpuIdentity>("left"));
        Assert.Equal(left.Target, services.GetRequiredKeyedService<HypercallTarget>("left"));
        IHypercallMachine machine = services.GetRequiredKeyedService<IHypercallMachine>("left");
        Assert.Same(left.Memory, machine.Memory);
        Assert.Same(left.Cpuid, machine.Cpuid);
        Assert.Equal(left.Target, machine.Target);
        Assert.Same(machine.Channel, machine.Channel);
        Assert.Same(services.GetRequiredKeyedService<IHypercallChannel>("left"), services.GetRequiredKeyedService<IHypercallChannel>("left"));
        Assert.NotNull(services.GetRequiredKeyedService<VmmStatusClient>("left"));
        Assert.NotNull(services.GetRequiredKeyedService<VmmShell>("left"));
    }

    [Fact]
    public void A_machine_without_a_key_stands_beside_them()
    {
        using ServiceProvider services = TwoFakes(new ServiceCollection())
            .AddHypercall(vmm => vmm.AddFakeMachine(fake => fake.On("foo", call => call.Rax = 3)).AddBitVisor())
            .BuildServiceProvider();
        Assert.Equal(3ul, services.GetRequiredService<BitVisorClient>().GetFunction("foo").Call().Rax);
        Assert.Equal(1ul, Ask(services, "left"));
    }

    [Fact]
    public void Without_one_nothing_is_registered_without_a_key()
    {
        using ServiceProvider services = TwoFakes(new ServiceCollection()).BuildServiceProvider();
        Assert.Null(services.GetService<IHypercallMachine>());
        Assert.Null(services.GetService<BitVisorClient>());
        Assert.NotNull(services.GetRequiredService<IOptions<HypercallOptions>>().Value); // no machine, nothing to refuse
        services.GetRequiredService<IStartupValidator>().Validate();
    }

    [Fact]
    public void Metrics_bear_the_key()
    {
        using TestMeterFactory factory = new();
        using ServiceProvider services = TwoFakes(new ServiceCollection().AddSingleton<IMeterFactory>(factory)).BuildServiceProvider();
        using MeterRecorder recorder = new(factory.Meter, "hypercall.calls", "hypercall.calls.in_flight");
        _ = Ask(services, "left");
        _ = new HypercallFunction(services.GetRequiredKeyedService<IHypercallMachine>("right"), HypercallConvention.BitVisor, 1).TryCall(out _);
        Assert.Equal(
            [
                "hypercall.calls 1 hypercall.machine=left", // the look-up
                "hypercall.calls 1 hypercall.function=foo hypercall.machine=left",
                "hypercall.calls 1 hypercall.function=BitVisor 1 hypercall.machine=right",
            ],
            recorder.Seen);
        string[] gauges = recorder.Observe();
        Assert.Contains("hypercall.calls.in_flight 0 hypercall.machine=left", gauges);
        Assert.Contains("hypercall.calls.in_flight 0 hypercall.machine=right", gauges);
    }

    [Fact]
    public void Log_events_are_in_a_scope_with_the_key()
    {
        RecordingLoggerFactory loggers = new();
        using ServiceProvider services = TwoFakes(new ServiceCollection().AddSingleton<ILoggerFactory>(loggers)).BuildServiceProvider();
        _ = Ask(services, "left");
        services.GetRequiredKeyedService<FakeMachine>("right").Personality = FakeVmmPersonality.None;
        _ = services.GetRequiredKeyedService<BitVisorClient>("right").TryGetFunction("foo");
        Assert.Equal(
            [
                "[hypercall.machine:left] Debug Hypercall.BitVisor.BitVisorClient: VMM function 'foo' has number 4.",
                "[hypercall.machine:right] Debug Hypercall.IHypercallChannel: VMMCALL on AuthenticAMD raised #UD.",
            ],
            loggers.Lines);
    }

    [Fact]
    public void The_programs_own_loggers_have_no_scope_of_a_machine()
    {
        RecordingLoggerFactory loggers = new();
        using ServiceProvider services = TwoFakes(new ServiceCollection().AddSingleton<ILoggerFactory>(loggers)).BuildServiceProvider();
        Assert.Same(loggers, services.GetRequiredService<ILoggerFactory>());
    }

    [Fact]
    public void Options_are_those_of_the_key()
    {
        using ServiceProvider services = TwoFakes(new ServiceCollection())
            .AddKeyedHypercall("right", vmm => vmm.Configure(options => options.Provider = "Intel"))
            .BuildServiceProvider();
        Assert.Equal("VMMCALL", services.GetRequiredKeyedService<HypercallTarget>("left").Way);
        Assert.Equal("VMCALL", services.GetRequiredKeyedService<HypercallTarget>("right").Way);
    }

    [Fact]
    public void Options_of_the_machine_without_a_key_are_no_others()
    {
        using ServiceProvider services = TwoFakes(new ServiceCollection())
            .AddHypercall(vmm => vmm.AddFakeMachine().Configure(options => options.Provider = "Intel"))
            .BuildServiceProvider();
        Assert.Equal("VMCALL", services.GetRequiredService<HypercallTarget>().Way);
        Assert.Equal("VMMCALL", services.GetRequiredKeyedService<HypercallTarget>("left").Way);
    }

    [Fact]
    public void A_machine_with_a_key_is_disposed_with_its_container()
    {
        using Disposable machine = new();
        using (ServiceProvider services = new ServiceCollection().AddKeyedHypercall("left", vmm => vmm.UseMachine(_ => machine)).BuildServiceProvider())
        {
            _ = services.GetRequiredKeyedService<IHypercallMachine>("left");
        }

        Assert.True(machine.IsDisposed);
    }

    [Fact]
    public void Providers_are_those_of_the_key()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddKeyedHypercall("left", vmm => vmm.AddProvider<One>().AddProvider<One>())
            .AddKeyedHypercall("right", vmm => vmm.AddProvider<Two>())
            .BuildServiceProvider();
        _ = Assert.IsType<One>(Assert.Single(services.GetKeyedServices<IHypercallProvider>("left")));
        _ = Assert.IsType<Two>(Assert.Single(services.GetKeyedServices<IHypercallProvider>("right")));
        Assert.Empty(services.GetServices<IHypercallProvider>());
    }

    [Fact]
    public void A_fake_wins_over_a_machine_of_its_key_alone()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddKeyedHypercall("left", vmm => vmm.AddFakeMachine())
            .AddKeyedHypercall("left", vmm => vmm.TryUseMachine(_ => throw new InvalidOperationException("The real machine was asked for.")))
            .AddKeyedHypercall("right", vmm => vmm.TryUseMachine(_ => throw new InvalidOperationException("The other machine was asked for.")))
            .BuildServiceProvider();
        Assert.NotNull(services.GetRequiredKeyedService<IHypercallChannel>("left"));
        _ = Assert.Throws<InvalidOperationException>(() => services.GetRequiredKeyedService<IHypercallChannel>("right"));
    }

    [Fact]
    public void A_fake_whose_CPU_changes_has_a_channel_for_it()
    {
        FakeMachine fake = new();
        using ServiceProvider services = new ServiceCollection().AddKeyedHypercall("left", vmm => vmm.AddFakeMachine(fake)).BuildServiceProvider();
        IHypercallMachine machine = services.GetRequiredKeyedService<IHypercallMachine>("left");
        HypercallRegisters registers = default;
        Assert.True(machine.Channel.TryInvoke(ref registers).IsCompleted);
        fake.Cpu = new CpuIdentity { Vendor = "GenuineIntel" };
        Assert.True(machine.Channel.TryInvoke(ref registers).IsCompleted);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void A_key_is_not_blank(string key) =>
        Assert.Throws<ArgumentException>(() => new ServiceCollection().AddKeyedHypercall(key, _ => { }));

    private static IServiceCollection TwoFakes(IServiceCollection services) => services
        .AddKeyedHypercall("left", vmm => vmm.AddFakeMachine(fake => fake.On("foo", call => call.Rax = 1)).AddBitVisor())
        .AddKeyedHypercall("right", vmm => vmm.AddFakeMachine(fake => fake.On("foo", call => call.Rax = 2)).AddBitVisor());

    private static ulong Ask(ServiceProvider services, string key) => services.GetRequiredKeyedService<BitVisorClient>(key).GetFunction("foo").Call().Rax;

    private sealed class Disposable : IHypercallMachine, IDisposable
    {
        public bool IsDisposed { get; private set; }

        public ICpuid Cpuid => throw new NotSupportedException();

        public HypercallTarget Target => throw new NotSupportedException();

        public IHypercallChannel Channel => throw new NotSupportedException();

        public IGuestMemory Memory => throw new NotSupportedException();

        public void Dispose() => IsDisposed = true;
    }

    private sealed class One : IHypercallProvider
    {
        public string Name => "One";

        public HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.Usable;

        public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) => throw new NotSupportedException();
    }

    private sealed class Two : IHypercallProvider
    {
        public string Name => "Two";

        public HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.Usable;

        public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) => throw new NotSupportedException();
    }
}
