using FsCheck;
using Hypercall.BitVisor;

namespace Hypercall.Testing.Xunit.Tests;

#pragma warning disable xUnit1000 // not public: most of these are to fail, and other tests run them

/// <summary>Properties for <see cref="TestRun"/>.</summary>
internal sealed class Specimens(ITestOutputHelper output) : IDisposable
{
    private readonly Dictionary<string, int> _tried = [];

    public static List<string> Log { get; } = [];

    public void Dispose() => Log.Add($"disposed after {_tried.Values.Sum()}");

    [VmmProperty]
    public void Holds(FakeMachine vmm) => Count(nameof(Holds), vmm);

    [VmmProperty(MaxTest = 7)]
    public void Holds_seven_times(FakeMachine vmm, int number) => Count(nameof(Holds_seven_times), vmm);

    [VmmProperty]
    public void Fails_on_three_pages(FakeMachine vmm, FakeCase one, int number)
    {
        _ = number;
        Assert.True(vmm.Options.Plan.Equals(one.Machine.Plan));
        using GuestBuffer buffer = vmm.Memory.Allocate(10, Residency.Touched);
        Assert.True(one.Pages < 3, "three pages");
    }

    [VmmProperty]
    public bool Is_false(FakeMachine vmm, int[] numbers) => vmm.Calls == 0 && numbers.Length < 2;

    [VmmProperty(Configure = nameof(Foo), MaxTest = 1000)]
    public void Takes_every_look_up_for_found(FakeMachine vmm) => Assert.True(new BitVisorClient(vmm).TryGetFunction("foo").IsFound);

    [VmmProperty]
    public void Swallows_what_the_machine_saw(FakeMachine vmm)
    {
        try
        {
            vmm.ReportDataLost("Line 7 is gone.");
        }
        catch (FakeMachineException)
        {
        }
    }

    [VmmProperty]
    public async Task Fails_after_a_wait(FakeMachine vmm)
    {
        await Task.Yield();
        Assert.Equal(1, vmm.Calls);
    }

    [VmmProperty]
    public async ValueTask<bool> Is_false_after_a_wait(FakeMachine vmm)
    {
        await Task.Yield();
        return vmm.Calls > 0;
    }

    [VmmProperty(StartSize = 100, Replay = "(11,13)")]
    public void Slips(FakeCase one) => throw (one.Pages > 4 ? new InvalidDataException("the first") : new NotSupportedException("another"));

    [VmmProperty(Replay = "(11,13)", MaxTest = 3)]
    public void Is_replayed(FakeCase one, int number) => Log.Add($"{number} {one.ToCSharp()}");

    [VmmProperty(MaxTest = 2, Verbose = true)]
    public void Tells_all(FakeMachine vmm, string text) => output.WriteLine($"with {text?.Length} characters on {vmm.Options.Cpus} CPUs");

    [VmmProperty(MaxTest = 20)]
    public void Classifies(FakeMachine vmm) => VmmCheck.Classify(vmm.Calls == 0 ? "nothing called" : "called");

    [VmmProperty(MaxTest = 10)]
    public void Wants_few(FakeCase one)
    {
        VmmCheck.DiscardUnless(one.Calls.Count == 1);
        Count(nameof(Wants_few), one);
    }

    [VmmProperty(MaxRejected = 5)]
    public void Wants_none(FakeMachine vmm) => VmmCheck.Discard();

    [VmmProperty(Machine = typeof(OneCpu), Configure = nameof(Bar), MaxTest = 30)]
    public void Runs_on_a_configured_machine(FakeMachine vmm, FakeCase one)
    {
        Assert.Equal((1, 9ul), (vmm.Options.Cpus, vmm.Options.Seed));
        Assert.True(one.Pages <= 2 && one.Machine.Plan.Count == 0);
        BitVisorClient client = new(vmm);
        Assert.Equal((1ul, 2ul), (client.GetFunction("setup").Call().Rax, client.GetFunction("bar").Call().Rax));
    }

    [VmmProperty(Machine = typeof(OneCpu), MaxPages = 20, MaxCalls = 1, MaxTest = 200)]
    public void Has_a_size_of_its_own(FakeCase one)
    {
        Assert.Single(one.Calls);
        Assert.True(one.Pages < 15, "fifteen pages");
    }

    [VmmProperty(Configure = "Nowhere")]
    public void Names_no_method(FakeMachine vmm) => _ = vmm;

    [VmmProperty(Machine = typeof(string))]
    public void Names_no_setup(FakeMachine vmm) => _ = vmm;

    [VmmProperty]
    public void Takes_two_machines(FakeMachine one, FakeMachine other) => _ = (one, other);

    [VmmProperty]
    public async void Is_async_and_returns_nothing(FakeMachine vmm) => await Task.Yield();

    [VmmProperty]
    public Property Returns_a_property(FakeMachine vmm) => throw new NotSupportedException();

    [VmmProperty(Skip = "not today")]
    public void Is_skipped(FakeMachine vmm) => throw new NotSupportedException();

    [VmmProperty]
    public static void Is_static(FakeMachine vmm) => Assert.Equal(0, vmm.Calls);

    [VmmProperty(MaxTest = 5)]
    public void Takes_no_machine(NonNegativeInt number) => Assert.True(number.Get >= 0);

    [VmmProperty]
    [Seen]
    public void Has_what_xunit_knows(FakeMachine vmm) => Count(nameof(Has_what_xunit_knows), vmm);

    private static void Foo(FakeMachine vmm) => vmm.On("foo", call => call.Rax = 10);

    private void Bar(FakeMachine vmm) => vmm.On("bar", call => call.Rax = (ulong)_tried.Count + 2);

    private void Count(string name, object distinct)
    {
        _ = distinct;
        _tried[name] = _tried.GetValueOrDefault(name) + 1;
    }

    private sealed class OneCpu : IVmmSetup
    {
        public FakeMachineOptions Machine => new() { Cpus = 1, Seed = 9 };

        public FakeCaseSize Size => new() { MaxPages = 2, MaxFaults = 0, VaryMachine = false };

        public void Configure(FakeMachine vmm) => vmm.On("setup", call => call.Rax = 1);
    }
}
