using Hypercall.BitVisor;
using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Tests.Diagnostics;

/// <summary>Who observes which calls: each one is counted once, however it was come by.</summary>
public class ObserveTests
{
    public static TheoryData<string, string> WithoutContainer => Combine(
        ["fake", "fake, observed", "fake, observed twice", "fake, decorated", "fake, decorated and observed", "fake, another instruction", "fake, kernel", "own, observed"],
        ["channel", "function", "look-up"]);

    public static TheoryData<string, string> WithContainer => Combine(
        ["AddFakeMachine", "AddFakeMachine, configured", "AddFakeMachine, given", "AddFakeMachine, decorated", "AddFakeMachine, forced", "own", "keyed fake", "keyed fake, given", "keyed own"],
        ["channel", "client", "function of the client"]);

    public static TheoryData<string, string> OfTheMachine => Combine(
        ["AddFakeMachine", "AddFakeMachine, configured", "AddFakeMachine, given", "AddFakeMachine, forced", "keyed fake", "keyed fake, given", "keyed own"], ["channel", "function"]);

    [Theory]
    [MemberData(nameof(WithoutContainer))]
    public void A_call_is_counted_once_without_a_container(string machine, string call)
    {
        IHypercallMachine made = Make(machine);
        using MeterRecorder recorder = new();
        Assert.Equal(1, Call(made, call));
        Assert.Equal(1, recorder.Calls);
    }

    [Theory]
    [MemberData(nameof(WithContainer))]
    public void A_call_is_counted_once_with_a_container(string machine, string call)
    {
        foreach (bool hasFactory in (bool[])[false, true])
        {
            using TestMeterFactory factory = new();
            using ServiceProvider services = Build(machine, hasFactory ? factory : null, out string? key);
            IHypercallChannel channel = services.GetRequiredKeyedService<IHypercallChannel>(key);
            BitVisorClient client = services.GetRequiredKeyedService<BitVisorClient>(key);
            HypercallFunction? function = call == "function of the client" ? client.GetFunction("boot") : null;
            using MeterRecorder all = new(), ours = new(HypercallMeter.Of(hasFactory ? factory : null).Meter);
            HypercallRegisters registers = default;
            _ = call switch
            {
                "channel" => channel.TryInvoke(ref registers).IsCompleted,
                "client" => client.TryGetFunction("boot").IsFound,
                _ => function!.TryCall(out _).IsCompleted,
            };
            Assert.Equal((1, 1), (all.Calls, ours.Calls));
            Assert.Equal(key is not null, all.Seen.All(line => line.Contains($"hypercall.machine={key}", StringComparison.Ordinal)));
        }
    }

    [Theory]
    [MemberData(nameof(OfTheMachine))]
    public void A_call_of_what_is_made_from_the_containers_machine_is_counted_once(string machine, string call)
    {
        foreach (bool hasFactory in (bool[])[false, true])
        {
            using TestMeterFactory factory = new();
            using ServiceProvider services = Build(machine, hasFactory ? factory : null, out string? key);
            IHypercallMachine resolved = services.GetRequiredKeyedService<IHypercallMachine>(key);
            using MeterRecorder all = new();
            _ = Call(resolved, call);
            Assert.Equal(1, all.Calls);
            Assert.Equal(key is not null, all.Seen.All(line => line.Contains($"hypercall.machine={key}", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void A_machine_of_the_container_counts_on_the_containers_meter()
    {
        using TestMeterFactory factory = new();
        using ServiceProvider services = Build("AddFakeMachine", factory, out _);
        using MeterRecorder recorder = new(factory.Meter);
        _ = Call(services.GetRequiredService<IHypercallMachine>(), "function");
        Assert.Equal(1, recorder.Calls);
    }

    [Fact]
    public void A_channel_that_is_observed_anew_is_observed_by_the_new_one_alone()
    {
        using TestMeterFactory first = new(), second = new();
        IHypercallChannel channel = new ScriptedMachine { OnInvoke = (ref _) => HypercallStatus.Completed }.Observe(null, first).Observe(null, second);
        HypercallRegisters registers = default;
        foreach ((TestMeterFactory factory, int calls) in (ReadOnlySpan<(TestMeterFactory, int)>)[(first, 0), (second, 1)])
        {
            using MeterRecorder recorder = new(factory.Meter); // one at a time: nobody else listens
            _ = channel.TryInvoke(ref registers);
            Assert.Equal(calls, recorder.Calls);
        }
    }

    [Fact]
    public void A_fault_is_logged_without_a_container()
    {
        RecordingLoggerFactory loggers = new();
        IHypercallChannel channel = new FakeMachine(FakeVmmPersonality.None).Channel.Observe(loggers);
        HypercallRegisters registers = default;
        _ = channel.TryInvoke(ref registers);
        Assert.Equal(["Debug Hypercall.IHypercallChannel: VMMCALL on AuthenticAMD raised #UD."], loggers.Lines);
    }

    [Fact]
    public void The_name_of_a_machine_is_a_tag_of_everything()
    {
        using TestMeterFactory factory = new();
        FakeMachine fake = new(FakeVmmPersonality.None);
        IHypercallMachine machine = fake.WithChannel(fake.Channel.Observe(null, factory, "left"));
        using MeterRecorder recorder = new(factory.Meter);
        _ = new HypercallFunction(machine, HypercallConvention.Xen, 17).TryCall(out _);
        Assert.Equal(
            [
                "hypercall.calls 1 hypercall.function=Xen 17 hypercall.machine=left",
                "hypercall.faults 1 hypercall.function=Xen 17 hypercall.machine=left hypercall.fault=#UD",
                "hypercall.duration hypercall.function=Xen 17 hypercall.machine=left hypercall.fault=#UD",
                "hypercall.calls.in_flight 0 hypercall.machine=left",
                "hypercall.call.oldest_age 0 hypercall.machine=left",
            ],
            [.. recorder.Seen, .. recorder.Observe()]);
    }

    [Fact]
    public void What_an_observed_channel_carries_is_what_its_channel_does()
    {
        Narrow narrow = new();
        IHypercallChannel observed = narrow.Observe();
        Assert.Equal((narrow.Carries, narrow.Returns), (observed.Carries, observed.Returns));
    }

    private static TheoryData<string, string> Combine(string[] machines, string[] calls)
    {
        TheoryData<string, string> all = [];
        foreach (string machine in machines)
        {
            Array.ForEach(calls, call => all.Add(machine, call));
        }

        return all;
    }

    private static IHypercallMachine Make(string machine)
    {
        FakeMachine fake = new();
        return machine switch
        {
            "fake" => fake,
            "fake, observed" => fake.WithChannel(fake.Channel.Observe()),
            "fake, observed twice" => fake.WithChannel(fake.Channel.Observe().Observe()),
            "fake, decorated" => fake.WithChannel(new Decorator(fake.Channel)),
            "fake, decorated and observed" => fake.WithChannel(new Decorator(fake.Channel).Observe()),
            "fake, another instruction" => fake.WithChannel(fake.OpenChannel(fake.Target.Instruction!)),
            "fake, kernel" => fake.WithChannel(fake.OpenKernelChannel()),
            _ => fake.WithChannel(Scripted().Observe()),
        };
    }

    private static int Call(IHypercallMachine machine, string call)
    {
        HypercallRegisters registers = default;
        switch (call)
        {
            case "channel":
                _ = machine.Channel.TryInvoke(ref registers);
                return 1;
            case "function":
                _ = new HypercallFunction(machine, HypercallConvention.BitVisor, 1).TryCall(out _);
                return 1;
            default:
                return new BitVisorClient(machine).TryGetFunction("boot").IsFound ? 1 : 0;
        }
    }

    private static ServiceProvider Build(string machine, TestMeterFactory? factory, out string? key)
    {
        FakeMachine given = new();
        ServiceCollection services = [];
        if (factory is not null)
        {
            _ = services.AddSingleton<System.Diagnostics.Metrics.IMeterFactory>(factory);
        }

        Action<IHypercallBuilder> add = machine switch
        {
            "AddFakeMachine" or "keyed fake" => vmm => vmm.AddFakeMachine(),
            "AddFakeMachine, configured" => vmm => vmm.AddFakeMachine(fake => fake.On("foo", _ => { })),
            "AddFakeMachine, given" or "keyed fake, given" => vmm => vmm.AddFakeMachine(given),
            "AddFakeMachine, decorated" => vmm => vmm.UseMachine(_ => given.WithChannel(new Decorator(given.Channel))),
            "AddFakeMachine, forced" => vmm => vmm.AddFakeMachine().Configure(options => options.Provider = "AMD"),
            _ => vmm => vmm.UseMachine(_ => Scripted()),
        };
        string? chosen = machine.StartsWith("keyed", StringComparison.Ordinal) ? "left" : null;
        key = chosen;
        return (chosen is null
            ? services.AddHypercall(vmm => add(AlsoBitVisor(vmm)))
            : services.AddKeyedHypercall(chosen, vmm => add(AlsoBitVisor(vmm)))).BuildServiceProvider();
    }

    private static IHypercallBuilder AlsoBitVisor(IHypercallBuilder builder) => builder.AddBitVisor();

    private static ScriptedMachine Scripted() => new()
    {
        OnInvoke = (ref registers) =>
        {
            registers.Rax = 1;
            return HypercallStatus.Completed;
        },
    };

    private sealed class Decorator(IHypercallChannel inner) : IHypercallChannel
    {
        public HypercallStatus TryInvoke(ref HypercallRegisters registers) => inner.TryInvoke(ref registers);
    }

    private sealed class Narrow : IHypercallChannel
    {
        public RegisterSet Carries { get; } = RegisterSet.Of(GeneralRegister.Rax);

        public RegisterSet Returns { get; } = RegisterSet.Of(GeneralRegister.Rcx);

        public HypercallStatus TryInvoke(ref HypercallRegisters registers) => HypercallStatus.Completed;
    }
}
