using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Testing.Tests;

/// <summary>What is missing, or out of its range, is refused at the door, by its name, and not somewhere inside.</summary>
public sealed class ArgumentTests
{
    private static readonly VmmCheckOptions Options = new() { Seed = 1 };

    private static readonly Dictionary<string, Action> Missing = new(StringComparer.Ordinal)
    {
        ["options: FakeMachine"] = () => _ = new FakeMachine((FakeMachineOptions)null!),
        ["handler: On"] = () => _ = new FakeMachine().On("f", null!),
        ["name: On"] = () => _ = new FakeMachine().On(null!, _ => { }),
        ["name: Remove"] = () => _ = new FakeMachine().Remove(null!),
        ["instruction: OpenChannel"] = () => _ = new FakeMachine().OpenChannel(null!),
        ["message: ReportDataLost"] = () => new FakeMachine().ReportDataLost(null!),
        ["vmm: AddTo"] = () => _ = FakeExchange.AddTo(null!, "f"),
        ["name: AddTo"] = () => _ = FakeExchange.AddTo(new FakeMachine(), null!),
        ["call: FakeLogRing"] = () => new FakeLogRing().Answer(null!),
        ["text: FakeLogRing"] = () => new FakeLogRing().Write((string)null!),
        ["transform: ByVirtualAddress"] = () => _ = FakeHandlers.ByVirtualAddress(null!),
        ["transform: ByPhysicalAddress"] = () => _ = FakeHandlers.ByPhysicalAddress(null!),
        ["text: FakeStatus"] = () => _ = new FakeStatus((string)null!),
        ["text: FakeStatus of a function"] = () => _ = new FakeStatus((Func<string>)null!),
        ["call: FakeStatus"] = () => new FakeStatus("").Answer(null!),
        ["name: AddCommand"] = () => _ = new FakeShell().AddCommand(null!, _ => ""),
        ["run: AddCommand"] = () => _ = new FakeShell().AddCommand("c", null!),
        ["purpose: AddCommand"] = () => _ = new FakeShell().AddCommand("c", _ => "", null!),
        ["call: FakeShell"] = () => new FakeShell().Answer(null!),
        ["options: TryAllocate"] = () => _ = new FakeMachine().Memory.TryAllocate(1, null!, out _, out _),
        ["options: TryOpenWindow of memory"] = () => _ = new FakeMachine().Memory.TryOpenWindow(new byte[1], null!, out _, out _),
        ["options: TryOpenWindow of an address"] = () => _ = new FakeMachine().Memory.TryOpenWindow(new GuestVirtualAddress(0x1000), 1, null!, out _, out _),
        ["buffer: MigratePage"] = () => new FakeMachine().Memory.MigratePage(null!, 0),
        ["memory: TryAllocate of a shape"] = () => _ = new FakeBufferShape(1, 0, Residency.Pinned, Contiguity.Any).TryAllocate(null!, out _, out _),
        ["buffer: SliceOf"] = () => _ = new FakeBufferShape(1, 0, Residency.Pinned, Contiguity.Any).SliceOf(null!),
        ["value: Faults"] = () => _ = new FakeCaseSize { Faults = null! },
        ["property: TryRun"] = () => _ = VmmCheck.TryRun((Action<FakeMachine>)null!, Options),
        ["property: TryRun with a case"] = () => _ = VmmCheck.TryRun((Action<FakeMachine, FakeCase>)null!, Options),
        ["property: TryRunAsync"] = () => _ = VmmCheck.TryRunAsync((Func<FakeMachine, Task>)null!, Options),
        ["property: TryRunAsync with a case"] = () => _ = VmmCheck.TryRunAsync((Func<FakeMachine, FakeCase, Task>)null!, Options),
        ["options: TryRun"] = () => _ = VmmCheck.TryRun(_ => { }, null!),
        ["Size: TryRun"] = () => _ = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { Size = null! }),
        ["label: Classify"] = () => VmmCheck.Classify(null!),
        ["configure: AddFakeMachine"] = () => _ = new ServiceCollection().AddHypercall(vmm => vmm.AddFakeMachine((Action<FakeMachine>)null!)),
        ["vmm: AddFakeMachine"] = () => _ = new ServiceCollection().AddHypercall(vmm => vmm.AddFakeMachine((FakeMachine)null!)),
        ["builder: AddFakeMachine"] = () => _ = FakeMachineBuilderExtensions.AddFakeMachine(null!),
    };

    private static readonly Dictionary<string, Action> OutOfRange = new(StringComparer.Ordinal)
    {
        ["length: TryAllocate 0"] = () => _ = new FakeMachine().Memory.TryAllocate(0, GuestBufferOptions.Default, out _, out _),
        ["length: AllocateKernelMemory 0"] = () => _ = new FakeMachine().Memory.AllocateKernelMemory(0),
        ["length: AllocateUntouched 0"] = () => _ = new FakeMachine().Memory.AllocateUntouched(0),
        ["length: MapRom 0"] = () => _ = new FakeMachine().Memory.MapRom(0),
        ["length: MapRom without one"] = () => _ = new FakeMachine(new FakeMachineOptions { Rom = [] }).Memory.MapRom(1),
        ["length: TryQueryPages 0"] = () => _ = new FakeMachine().Memory.TryQueryPages(new GuestVirtualAddress(0x1000), 0, out _, out _),
        ["length: TryOpenWindow 0"] = () => _ = new FakeMachine().Memory.TryOpenWindow(new GuestVirtualAddress(0x1000), 0, GuestBufferOptions.Default, out _, out _),
        ["length: TryMap 0"] = () => new FakeMachine().Inside(call => call.TryMap(new GuestPhysicalAddress(0x1000_0000), 0, FakeMapAccess.Read, out _)),
        ["walks: MigratePage, walks 0"] = () => WithBuffer((memory, buffer) => memory.MigratePage(buffer, 0, 0)),
        ["page: MigratePage -1"] = () => WithBuffer((memory, buffer) => memory.MigratePage(buffer, -1)),
        ["page: MigratePage 1"] = () => WithBuffer((memory, buffer) => memory.MigratePage(buffer, 1)),
        ["number: FakeInjectionPoint 0"] = () => _ = FakeInjectionPoint.BeforeEntry(0),
        ["buffer: FakeTarget 0"] = () => _ = FakeTarget.Of(0, 0),
        ["page: FakeTarget -1"] = () => _ = FakeTarget.Of(1, -1),
        ["value: MaxPages 0"] = () => _ = new FakeCaseSize { MaxPages = 0 },
        ["value: MaxPages 2^18 + 1"] = () => _ = new FakeCaseSize { MaxPages = (1 << 18) + 1 },
        ["value: MaxBuffers 0"] = () => _ = new FakeCaseSize { MaxBuffers = 0 },
        ["value: MaxCalls 0"] = () => _ = new FakeCaseSize { MaxCalls = 0 },
        ["value: MaxCalls 2^20 + 1"] = () => _ = new FakeCaseSize { MaxCalls = (1 << 20) + 1 },
        ["value: MaxFaults -1"] = () => _ = new FakeCaseSize { MaxFaults = -1 },
        ["value: MaxFaults 2^20 + 1"] = () => _ = new FakeCaseSize { MaxFaults = (1 << 20) + 1 },
        ["value: StepBudget 0"] = () => _ = new FakeCaseSize { StepBudget = 0 },
        ["size: ScaledTo -1"] = () => _ = new FakeCaseSize().ScaledTo(-1),
        ["MaxTest: 0"] = () => _ = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { MaxTest = 0 }),
        ["MaxDiscarded: -1"] = () => _ = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { MaxDiscarded = -1 }),
        ["MaxShrinks: -1"] = () => _ = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { MaxShrinks = -1 }),
        ["StartSize: -1"] = () => _ = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { StartSize = -1 }),
        ["StartSize: 101"] = () => _ = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { StartSize = 101 }),
        ["EndSize: -1"] = () => _ = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { EndSize = -1 }),
        ["EndSize: 101"] = () => _ = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { EndSize = 101 }),
        ["technique: NameOf"] = () => _ = FakeExchange.AddTo(new FakeMachine(), "f").NameOf((FakeTechnique)99),
        ["direction: ByFrameList"] = () => _ = FakeHandlers.ByFrameList(Nothing, (Direction)0),
        ["answer: ByFrameList"] = () => _ = FakeHandlers.ByFrameList(Nothing, answer: (FakeAnswer)99),
        ["absentPages: ByVirtualAddress"] = () => _ = FakeHandlers.ByVirtualAddress(Nothing, absentPages: (AbsentPagePolicy)99),
    };

    public static TheoryData<string> MissingCases => [.. Missing.Keys];

    public static TheoryData<string> OutOfRangeCases => [.. OutOfRange.Keys];

    [Theory]
    [MemberData(nameof(MissingCases))]
    public void What_is_missing_is_refused_by_its_name(string what) => Assert.Equal(NameIn(what), Assert.Throws<ArgumentNullException>(Missing[what]).ParamName);

    [Theory]
    [MemberData(nameof(OutOfRangeCases))]
    public void What_is_out_of_its_range_is_refused_by_its_name(string what) =>
        Assert.Equal(NameIn(what), Assert.Throws<ArgumentOutOfRangeException>(OutOfRange[what]).ParamName);

    [Fact]
    public void The_ends_of_a_range_are_in_it()
    {
        _ = new FakeCaseSize { MaxPages = 1 << 18, MaxBuffers = 1, MaxCalls = 1 << 20, MaxFaults = 0, StepBudget = 1 };
        _ = new FakeCaseSize { MaxPages = 1, MaxBuffers = int.MaxValue, MaxCalls = 1, MaxFaults = 1 << 20 };
        VmmCheckResult result = VmmCheck.TryRun(_ => { }, new VmmCheckOptions { Seed = 1, MaxTest = 1, MaxDiscarded = 0, MaxShrinks = 0, StartSize = 100, EndSize = 0 });
        Assert.Equal((true, 1), (result.Passed, result.Cases));
    }

    private static void Nothing(FakeCall call, Span<byte> bytes)
    {
    }

    private static string NameIn(string what) => what[..what.IndexOf(':', StringComparison.Ordinal)];

    private static void WithBuffer(Action<FakeGuestMemory, GuestBuffer> act)
    {
        FakeGuestMemory memory = new FakeMachine().Memory;
        using GuestBuffer buffer = memory.Allocate(1, Residency.Touched);
        act(memory, buffer);
    }
}
