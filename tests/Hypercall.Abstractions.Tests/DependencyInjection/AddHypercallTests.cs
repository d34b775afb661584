using System.Diagnostics.Metrics;
using Hypercall.BitVisor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NSubstitute;

namespace Hypercall.Tests.DependencyInjection;

public class AddHypercallTests
{
    private static readonly CpuFault GeneralProtection = new(CpuFaultKind.GeneralProtection);

    [Fact]
    public void A_machine_gives_every_service()
    {
        using ServiceProvider provider = Build(Machine(HypercallStatus.Completed));
        Assert.NotNull(provider.GetRequiredService<IHypercallChannel>());
        Assert.NotNull(provider.GetRequiredService<IGuestMemory>());
        Assert.NotNull(provider.GetRequiredService<ICpuid>());
        Assert.NotNull(provider.GetRequiredService<CpuIdentity>());
        Assert.NotNull(provider.GetRequiredService<HypercallTarget>());
        Assert.Same(provider.GetRequiredService<IHypercallChannel>(), provider.GetRequiredService<IHypercallChannel>());
    }

    [Fact]
    public void Without_a_machine_the_message_says_what_to_add()
    {
        using ServiceProvider provider = new ServiceCollection().AddHypercall(_ => { }).BuildServiceProvider();
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(provider.GetRequiredService<IHypercallChannel>);
        Assert.Contains("AddIntel().AddAmd()", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void UseMachine_wins_before_and_after_TryUseMachine()
    {
        IHypercallMachine real = Machine(HypercallStatus.Completed);
        IHypercallMachine fake = Machine(HypercallStatus.Completed);
        foreach (bool first in (bool[])[true, false])
        {
            ServiceCollection services = [];
            _ = first
                ? services.AddHypercall(b => b.UseMachine(_ => fake)).AddHypercall(b => b.TryUseMachine(_ => real))
                : services.AddHypercall(b => b.TryUseMachine(_ => real)).AddHypercall(b => b.UseMachine(_ => fake));
            using ServiceProvider provider = services.BuildServiceProvider();
            Assert.Same(fake.Memory, provider.GetRequiredService<IGuestMemory>());
        }
    }

    [Fact]
    public void A_provider_that_is_not_registered_is_refused_on_first_resolve()
    {
        IHypercallProvider amd = new MadeUpProvider("AMD", null);
        ServiceCollection services = [];
        _ = services.AddSingleton(amd).AddHypercall(b => b.Configure(options => options.Provider = "ADM"));
        using ServiceProvider provider = services.BuildServiceProvider();
        OptionsValidationException e = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IOptions<HypercallOptions>>().Value);
        Assert.Contains("'ADM'", e.Message, StringComparison.Ordinal);
        Assert.Contains("AMD", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_are_validated_at_start_under_a_host()
    {
        IHypercallProvider amd = new MadeUpProvider("AMD", null);
        ServiceCollection services = [];
        _ = services.AddSingleton(amd).AddHypercall(b => b.Configure(options => options.Provider = "ADM"));
        using ServiceProvider provider = services.BuildServiceProvider();
        _ = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IStartupValidator>().Validate()); // what a host calls at start
    }

    [Fact]
    public void A_provider_is_registered_once_however_often_it_is_added()
    {
        ServiceCollection services = [];
        _ = services.AddHypercall(b => b.AddProvider<ThirdVendor>().AddProvider<ThirdVendor>());
        using ServiceProvider provider = services.BuildServiceProvider();
        _ = Assert.Single(provider.GetServices<IHypercallProvider>());
    }

    [Fact]
    public void A_provider_is_named_in_any_case()
    {
        IHypercallProvider amd = new MadeUpProvider("AMD", null);
        ServiceCollection services = [];
        _ = services.AddSingleton(amd).AddHypercall(b => b.AddProvider<ThirdVendor>().Configure(options => options.Provider = "amd"));
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Equal("amd", provider.GetRequiredService<IOptions<HypercallOptions>>().Value.Provider);
    }

    [Fact]
    public void The_registered_providers_are_listed()
    {
        ServiceCollection services = [];
        IHypercallProvider amd = new MadeUpProvider("AMD", null);
        _ = services.AddSingleton(amd).AddHypercall(b => b.AddProvider<ThirdVendor>().Configure(options => options.Provider = "ADM"));
        using ServiceProvider provider = services.BuildServiceProvider();
        OptionsValidationException e = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IOptions<HypercallOptions>>().Value);
        Assert.Contains("AMD, Third", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TryUseMachine_alone_is_enough()
    {
        IHypercallMachine machine = Machine(HypercallStatus.Completed);
        using ServiceProvider provider = new ServiceCollection().AddHypercall(b => b.TryUseMachine(_ => machine)).BuildServiceProvider();
        Assert.Same(machine, provider.GetRequiredService<IHypercallMachine>());
    }

    [Fact]
    public void Calls_faults_and_durations_are_measured_when_somebody_listens()
    {
        using ServiceProvider provider = Build(Machine(HypercallStatus.Faulted(GeneralProtection)));
        IHypercallChannel channel = provider.GetRequiredService<IHypercallChannel>();
        Dictionary<string, double> seen = [];
        List<string?> faults = [];
        Meter? ours = null;
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, l) =>
        {
            // other tests have meters of this name too: listen to the one that this container made
            if (instrument.Meter.Name == "Hypercall" && ReferenceEquals(instrument.Meter, ours ??= provider.GetRequiredService<HypercallMeter>().Meter))
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            seen[instrument.Name] = seen.GetValueOrDefault(instrument.Name) + value;
            if (instrument.Name == "hypercall.faults")
            {
                faults.Add((string?)tags[0].Value);
            }
        });
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => seen[instrument.Name] = value);
        listener.Start();

        HypercallRegisters registers = default;
        Assert.Equal(GeneralProtection, channel.TryInvoke(ref registers).Fault);
        Assert.Equal((1d, 1d), (seen["hypercall.calls"], seen["hypercall.faults"]));
        Assert.True(seen["hypercall.duration"] >= 0);
        Assert.Equal(["#GP"], faults);
    }

    [Fact]
    public void A_fault_is_logged_with_its_target_and_kind()
    {
        RecordingLogger log = new();
        ObservedChannel channel = new(Machine(HypercallStatus.Faulted(GeneralProtection)).Channel, new HypercallMeter(null), log);
        HypercallRegisters registers = default;
        _ = channel.TryInvoke(ref registers);
        Assert.Equal("The instruction raised #GP.", Assert.Single(log.Messages));
    }

    [Fact]
    public void A_fault_that_knows_its_target_is_logged_with_it()
    {
        RecordingLogger log = new();
        HypercallTarget target = new(new CpuIdentity { Vendor = "AuthenticAMD" }, new MadeUpProvider("AMD", new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9])));
        ObservedChannel channel = new(Machine(HypercallStatus.Faulted(GeneralProtection with { Target = target })).Channel, new HypercallMeter(null), log);
        HypercallRegisters registers = default;
        _ = channel.TryInvoke(ref registers);
        Assert.Equal("VMMCALL on AuthenticAMD raised #GP.", Assert.Single(log.Messages));
    }

    [Theory]
    [InlineData(5, "'foo' has number 5")]
    [InlineData(0, "'foo' was not found in 3 look-ups")]
    [InlineData(ulong.MaxValue, "Look-up of 'foo' gave RAX = 0xffffffffffffffff")]
    public void A_look_up_is_logged(ulong rax, string expected)
    {
        RecordingLogger log = new();
        ScriptedMachine machine = new() { OnInvoke = (ref registers) => { registers.Rax = rax; return HypercallStatus.Completed; } };
        _ = new BitVisorClient(machine, log).TryGetFunction("foo");
        Assert.Contains(expected, Assert.Single(log.Messages), StringComparison.Ordinal);
    }

    private sealed class RecordingLogger : ILogger<BitVisorClient>
    {
        public List<string> Messages { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Messages.Add(formatter(state, exception));
    }

    private static ServiceProvider Build(IHypercallMachine machine) =>
        new ServiceCollection().AddHypercall(b => b.UseMachine(_ => machine)).BuildServiceProvider();

    private static IHypercallMachine Machine(HypercallStatus status)
    {
        IHypercallMachine machine = Substitute.For<IHypercallMachine>();
        machine.Target.Returns(new HypercallTarget(new CpuIdentity { Vendor = "AuthenticAMD" }, new MadeUpProvider("AMD", new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9]))));
        HypercallRegisters any = default;
        machine.Channel.TryInvoke(ref any).ReturnsForAnyArgs(status);
        return machine;
    }

    private sealed class ThirdVendor : IHypercallProvider
    {
        public string Name => "Third";

        public HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.Usable;

        public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) => throw new NotSupportedException();
    }
}
