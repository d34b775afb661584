using Hypercall.BitVisor;

namespace Hypercall.Tests.Channel;

/// <summary>What a retry policy asks of an error.</summary>
public class IsTransientTests
{
    private static readonly HypercallTarget Target = new(
        new CpuIdentity { Vendor = "AuthenticAMD" }, new MadeUpProvider("AMD", new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9])));
    private static readonly HypercallFunction Function = new(new ScriptedMachine { OnInvoke = (ref _) => default }, HypercallConvention.BitVisor, 1);

    // What each exception says, and why: each type is here, with every case that it tells apart.
    private static readonly (string Why, bool Expected, HypercallException Error)[] Table =
    [
        ("nobody answers the instruction", false, new HypercallFaultException(new CpuFault(CpuFaultKind.InvalidOpcode) { InstructionAddress = new(0x1000) })),
        ("user mode or the instruction is refused", false, new HypercallFaultException(new CpuFault(CpuFaultKind.GeneralProtection) { InstructionAddress = new(0x1000) })),
        ("the instruction cannot be patched", false, new HypercallFaultException(PageFault(instruction: 0x1000, at: 0x1002))),
        ("a page that the VMM was given was absent", true, new HypercallFaultException(PageFault(instruction: 0x1000, at: 0x5000))),
        ("where the instruction lies is not known", false, new HypercallFaultException(PageFault(instruction: 0, at: 0x5000))),
        ("a fault that nobody expects", false, new HypercallFaultException(new CpuFault(CpuFaultKind.Other) { InstructionAddress = new(0x1000) })),
        ("it is another VMM", false, new ForeignVmmException("foo", ulong.MaxValue, "Another VMM.")),
        ("CPU and providers stay", false, new HypercallProviderException(Target.Cpu, [], [], [], null)),
        ("the device is busy", true, new HypercallRefusedException(new ChannelRefusal("c", "busy", "Wait.", isTransient: true))),
        ("the device asks for a privilege", false, new HypercallRefusedException(new ChannelRefusal("c", "EPERM", "Ask."))),
        ("the VMM may be quicker next time", true, new HypercallTimeoutException(Function, TimeSpan.FromSeconds(1), 1, 0, Task.CompletedTask)),
        ("calls left behind may come back", true, new HypercallLeftBehindException(Function, 1, 1)),
        ("looked up three times already", false, new VmmFunctionNotFoundException("foo")),
        ("the VMM must be configured", false, new VmmFunctionDisabledException("foo", "vmm.foo")),
        ("an answer that its client does not know", false, new VmmFunctionFailedException("foo", "No.")),
        ("a page moved, and moves on", true, new GuestMemoryMovedException(Ended(TransferOutcome.Moved))),
        ("a page may have been absent", true, new TransferException(Ended(TransferOutcome.Incomplete))),
        ("the function's own no", false, new TransferException(Ended(TransferOutcome.FunctionFailed))),
        ("it is another VMM", false, new TransferException(Ended(TransferOutcome.ForeignVmm))),
        ("as the fault", true, new TransferException(Ended(TransferOutcome.Faulted, fault: PageFault(0x1000, 0x5000)))),
        ("as the fault", false, new TransferException(Ended(TransferOutcome.Faulted, fault: new CpuFault(CpuFaultKind.InvalidOpcode)))),
        ("as the channel's refusal", true, new TransferException(
            Ended(TransferOutcome.ChannelRefused, channel: new("c", "busy", "Wait.", isTransient: true)))),
        ("as the channel's refusal", false, new TransferException(Ended(TransferOutcome.ChannelRefused, channel: new("c", "EPERM", "Ask.")))),
        ("as the refusal", true, new TransferException(Ended(TransferOutcome.Refused, refusal: new(GuestMemoryRefusalReason.Swapped, "")))),
        ("as the refusal", false, new TransferException(Ended(TransferOutcome.Refused, refusal: new(GuestMemoryRefusalReason.NotPinned, "")))),
        .. Refusals.Select(refusal => ("the refusal's reason", refusal.Expected, (HypercallException)new GuestMemoryException(new(refusal.Reason, "")))),
        ("memory that exists stays scattered", false, new GuestMemoryException(new(GuestMemoryRefusalReason.NotContiguous, "") { IsTransient = false })),
    ];

    private static (GuestMemoryRefusalReason Reason, bool Expected)[] Refusals =>
    [
        (GuestMemoryRefusalReason.OutOfMemory, true), // others free theirs
        (GuestMemoryRefusalReason.LockLimit, true), // other buffers count, too
        (GuestMemoryRefusalReason.PinningUnavailable, false),
        (GuestMemoryRefusalReason.NotContiguous, true), // a huge page may be free later
        (GuestMemoryRefusalReason.NotPinned, false),
        (GuestMemoryRefusalReason.NoPrivilege, false),
        (GuestMemoryRefusalReason.FramesHidden, false),
        (GuestMemoryRefusalReason.PageMapUnavailable, false),
        (GuestMemoryRefusalReason.NotMapped, true), // a page may be absent while it moves
        (GuestMemoryRefusalReason.Swapped, true),
        (GuestMemoryRefusalReason.PlatformNotSupported, false),
        (GuestMemoryRefusalReason.NotWritable, false),
        (GuestMemoryRefusalReason.TooManyOpenFiles, true), // others close theirs
        (GuestMemoryRefusalReason.SystemCallRefused, false),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Table.Length)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Each_error_says_whether_the_same_call_may_succeed_later(int row)
    {
        (string why, bool expected, HypercallException error) = Table[row];
        Assert.True(expected == error.IsTransient, $"{error.GetType().Name}: {why}.");
    }

    [Fact]
    public void Each_exception_of_these_packages_is_in_the_table()
    {
        IEnumerable<Type> all = new[] { typeof(HypercallException), typeof(BitVisorClient) }
            .SelectMany(type => type.Assembly.GetTypes())
            .Where(type => !type.IsAbstract && type.IsSubclassOf(typeof(HypercallException)));
        Assert.Empty(all.Except(Table.Select(row => row.Error.GetType())));
    }

    [Fact]
    public void Each_reason_of_a_refusal_is_in_the_table() => Assert.Equal(Enum.GetValues<GuestMemoryRefusalReason>(), Refusals.Select(row => row.Reason).Order());

    private static CpuFault PageFault(ulong instruction, ulong at) =>
        new(CpuFaultKind.PageFault) { InstructionAddress = new(instruction), Address = new(at), Target = Target };

    private static TransferResult Ended(
        TransferOutcome outcome, CpuFault fault = default, ChannelRefusal? channel = null, GuestMemoryRefusal? refusal = null) =>
        new(outcome, 8) { Fault = fault, ChannelRefusal = channel, Refusal = refusal };
}
