using System.Diagnostics.Metrics;
using Hypercall.BitVisor;
using Hypercall.Tests.Diagnostics;
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

    public static TheoryData<Type> Services =>
    [
        typeof(IHypercallMachine), typeof(IHypercallChannel), typeof(IGuestMemory), typeof(ICpuid), typeof(CpuIdentity), typeof(HypercallTarget), typeof(BitVisorClient),
        typeof(VmmStatusClient), typeof(VmmShell),
    ];

    [Theory]
    [MemberData(nameof(Services))]
    public void Without_a_machine_the_first_service_says_what_to_add(Type service)
    {
        using ServiceProvider provider = new ServiceCollection().AddHypercall(vmm => vmm.AddBitVisor()).BuildServiceProvider();
        OptionsValidationException e = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService(service));
        Assert.Contains("AddHypercall(vmm => vmm.AddIntel().AddAmd())", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void Without_a_machine_the_first_service_of_a_key_says_what_to_add(Type service)
    {
        using ServiceProvider provider = new ServiceCollection().AddKeyedHypercall("left", vmm => vmm.AddBitVisor()).BuildServiceProvider();
        OptionsValidationException e = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredKeyedService(service, "left"));
        Assert.Contains("AddKeyedHypercall(\"left\", vmm => vmm.AddIntel().AddAmd())", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("left")]
    public void Without_a_machine_a_host_does_not_start(string? key)
    {
        ServiceCollection services = [];
        _ = key is null ? services.AddHypercall(_ => { }) : services.AddKeyedHypercall(key, _ => { });
        using ServiceProvider provider = services.BuildServiceProvider();
        _ = Assert.Throws<OptionsValidationException>(() => provider.GetRequiredService<IStartupValidator>().Validate()); // what a host calls at start
    }

    [Fact]
    public void A_machine_that_is_registered_by_hand_will_do()
    {
        IHypercallMachine machine = Machine(HypercallStatus.Completed);
        foreach (bool first in (bool[])[true, false])
        {
            ServiceCollection services = [];
            _ = first ? services.AddSingleton(machine).AddHypercall(_ => { }) : services.AddHypercall(_ => { }).AddSingleton(machine);
            using ServiceProvider provider = services.BuildServiceProvider();
            provider.GetRequiredService<IStartupValidator>().Validate();
            Assert.Same(machine.Memory, provider.GetRequiredService<IGuestMemory>());
        }
    }

    [Fact]
    public void A_machine_that_a_later_registration_brings_will_do()
    {
        IHypercallMachine machine = Machine(HypercallStatus.Completed);
        using ServiceProvider provider = new ServiceCollection().AddHypercall(_ => { }).AddHypercall(b => b.TryUseMachine(_ => machine)).BuildServiceProvider();
        provider.GetRequiredService<IStartupValidator>().Validate();
        Assert.Same(machine, Assert.Single(provider.GetServices<IHypercallMachine>()));
    }

    [Fact]
    public void Options_that_are_not_possible_are_refused_by_the_first_service()
    {
        IHypercallMachine machine = Machine(HypercallStatus.Completed);
        using ServiceProvider provider = new ServiceCollection()
            .AddHypercall(b => b.UseMachine(_ => machine).AddProvider<ThirdVendor>().Configure(options => options.Provider = "ADM"))
            .BuildServiceProvider();
        _ = Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IGuestMemory>);
    }

    [Fact]
    public void Options_of_a_name_that_is_no_machine_are_nobodys()
    {
        using ServiceProvider provider = Build(Machine(HypercallStatus.Completed));
        Assert.Null(provider.GetRequiredService<IOptionsMonitor<HypercallOptions>>().Get("else").Provider);
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
        _ = services.AddSingleton(amd).AddHypercall(b => NoMachineMade(b).Configure(options => options.Provider = "ADM"));
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
        _ = services.AddSingleton(amd).AddHypercall(b => NoMachineMade(b).Configure(options => options.Provider = "ADM"));
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
        _ = services.AddSingleton(amd).AddHypercall(b => NoMachineMade(b).AddProvider<ThirdVendor>().Configure(options => options.Provider = "amd"));
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Equal("amd", provider.GetRequiredService<IOptions<HypercallOptions>>().Value.Provider);
    }

    [Fact]
    public void The_registered_providers_are_listed()
    {
        ServiceCollection services = [];
        IHypercallProvider amd = new MadeUpProvider("AMD", null);
        _ = services.AddSingleton(amd).AddHypercall(b => NoMachineMade(b).AddProvider<ThirdVendor>().Configure(options => options.Provider = "ADM"));
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
        using TestMeterFactory factory = new();
        IHypercallMachine machine = Machine(HypercallStatus.Faulted(GeneralProtection));
        using ServiceProvider provider = new ServiceCollection().AddSingleton<IMeterFactory>(factory).AddHypercall(b => b.UseMachine(_ => machine)).BuildServiceProvider();
        IHypercallChannel channel = provider.GetRequiredService<IHypercallChannel>();
        using MeterRecorder recorder = new(factory.Meter);
        HypercallRegisters registers = default;
        Assert.Equal(GeneralProtection, channel.TryInvoke(ref registers).Fault);
        Assert.Equal(["hypercall.calls 1", "hypercall.faults 1 hypercall.fault=#GP", "hypercall.duration hypercall.fault=#GP"], recorder.Seen);
    }

    [Fact]
    public void A_fault_is_logged_with_its_target_and_kind()
    {
        RecordingLoggerFactory log = new();
        HypercallRegisters registers = default;
        _ = Machine(HypercallStatus.Faulted(GeneralProtection)).Channel.Observe(log).TryInvoke(ref registers);
        Assert.Equal(["Debug Hypercall.IHypercallChannel: The instruction raised #GP."], log.Lines);
    }

    [Fact]
    public void A_fault_that_knows_its_target_is_logged_with_it()
    {
        RecordingLoggerFactory log = new();
        HypercallTarget target = new(new CpuIdentity { Vendor = "AuthenticAMD" }, new MadeUpProvider("AMD", new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9])));
        HypercallRegisters registers = default;
        _ = Machine(HypercallStatus.Faulted(GeneralProtection with { Target = target })).Channel.Observe(log).TryInvoke(ref registers);
        Assert.Equal(["Debug Hypercall.IHypercallChannel: VMMCALL on AuthenticAMD raised #GP."], log.Lines);
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

    private static IHypercallBuilder NoMachineMade(IHypercallBuilder builder) =>
        builder.UseMachine(_ => throw new InvalidOperationException("The options come first."));

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
