using Hypercall.Native.Execution;

namespace Hypercall.Native.Tests.Execution;

public sealed class FallbackChannelTests : IDisposable
{
    private static readonly HypercallTarget First = TestTarget.Of("FIRST", TestTarget.Nop);
    private static readonly HypercallTarget Second = TestTarget.Of("SECOND", TestTarget.Ud2);
    private static readonly ulong InstructionAddress = 0x1000;

    private readonly Scripted _first = new();
    private readonly Scripted _second = new();
    private readonly RecordingLogger _logger = new();

    public static TheoryData<CpuFaultKind, ulong> WrongInstruction => new()
    {
        { CpuFaultKind.InvalidOpcode, 0 },
        { CpuFaultKind.GeneralProtection, 0 },
        { CpuFaultKind.PageFault, InstructionAddress },
    };

    public void Dispose() => _logger.Dispose();

    [Theory]
    [MemberData(nameof(WrongInstruction))]
    public void The_other_instruction_is_tried_with_the_same_frame_and_remembered(CpuFaultKind kind, ulong address)
    {
        _first.Answer = Fault(kind, address);
        FallbackChannel channel = Create();
        HypercallRegisters registers = new() { Rax = 7, R15 = 8 };

        HypercallStatus one = channel.TryInvoke(ref registers);
        HypercallStatus two = channel.TryInvoke(ref registers);

        Assert.True(one.IsCompleted && two.IsCompleted);
        Assert.Equal((1, 2), (_first.Calls, _second.Calls));
        Assert.Equal(new HypercallRegisters { Rax = 7, R15 = 8 }, _second.LastFrame);
        Assert.Contains("SECOND did not: hypercalls go out by SECOND", Assert.Single(_logger.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void Once_the_first_has_completed_the_other_is_never_tried()
    {
        FallbackChannel channel = Create();
        HypercallRegisters registers = default;
        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        _first.Answer = Fault(CpuFaultKind.InvalidOpcode);

        HypercallStatus later = channel.TryInvoke(ref registers);

        Assert.Equal(CpuFaultKind.InvalidOpcode, later.Fault.Kind);
        Assert.Equal((2, 0), (_first.Calls, _second.Calls));
    }

    [Fact]
    public void When_both_fault_the_first_fault_is_returned_and_the_other_is_not_tried_again()
    {
        _first.Answer = Fault(CpuFaultKind.InvalidOpcode);
        _second.Answer = Fault(CpuFaultKind.GeneralProtection);
        FallbackChannel channel = Create();
        HypercallRegisters registers = default;

        Assert.Equal(CpuFaultKind.InvalidOpcode, channel.TryInvoke(ref registers).Fault.Kind);
        Assert.Equal(CpuFaultKind.InvalidOpcode, channel.TryInvoke(ref registers).Fault.Kind);

        Assert.Equal((2, 1), (_first.Calls, _second.Calls));
        Assert.Contains("Neither instruction", Assert.Single(_logger.Messages), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CpuFaultKind.PageFault)]
    [InlineData(CpuFaultKind.Other)]
    public void A_fault_that_a_wrong_instruction_does_not_raise_decides_nothing(CpuFaultKind kind)
    {
        _first.Answer = Fault(kind, address: 0x9_0000);
        FallbackChannel channel = Create();
        HypercallRegisters registers = default;

        Assert.Equal(kind, channel.TryInvoke(ref registers).Fault.Kind);
        Assert.Equal((1, 0), (_first.Calls, _second.Calls));

        _first.Answer = Fault(CpuFaultKind.InvalidOpcode);
        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        Assert.Equal((2, 1), (_first.Calls, _second.Calls));
    }

    [Theory]
    [InlineData(CpuFaultKind.PageFault)]
    [InlineData(CpuFaultKind.Other)]
    public void A_fault_of_the_other_that_a_wrong_instruction_does_not_raise_is_an_answer(CpuFaultKind kind)
    {
        _first.Answer = Fault(CpuFaultKind.InvalidOpcode);
        _second.Answer = Fault(kind, address: 0x9_0000); // the VMM reached an absent page of a buffer
        FallbackChannel channel = Create();
        HypercallRegisters registers = default;

        Assert.Equal(kind, channel.TryInvoke(ref registers).Fault.Kind);
        _second.Answer = HypercallStatus.Completed;
        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        Assert.Equal((1, 2), (_first.Calls, _second.Calls));
    }

    [Fact]
    public void A_switched_channel_reports_the_faults_of_the_other_as_they_are()
    {
        _first.Answer = Fault(CpuFaultKind.InvalidOpcode);
        FallbackChannel channel = Create();
        HypercallRegisters registers = default;
        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        _second.Answer = Fault(CpuFaultKind.PageFault, 0x9_0000);

        Assert.Equal(CpuFaultKind.PageFault, channel.TryInvoke(ref registers).Fault.Kind);
        Assert.Equal((1, 2), (_first.Calls, _second.Calls));
    }

    [Fact]
    public void Many_threads_that_fault_at_once_try_the_other_once_when_it_faults_too()
    {
        const int Threads = 16;
        using Barrier atTheFault = new(Threads);
        _first.Answer = Fault(CpuFaultKind.InvalidOpcode);
        _first.Meanwhile = () => atTheFault.SignalAndWait(); // all are undecided, and all have faulted
        _second.Answer = Fault(CpuFaultKind.GeneralProtection);
        FallbackChannel channel = Create();

        HypercallStatus[] statuses = OnThreads(Threads, channel);

        Assert.All(statuses, status => Assert.Equal(CpuFaultKind.InvalidOpcode, status.Fault.Kind));
        Assert.Equal((Threads, 1), (_first.Calls, _second.Calls));
    }

    [Fact]
    public void Many_threads_that_fault_at_once_all_complete_by_the_other()
    {
        const int Threads = 16;
        using Barrier atTheFault = new(Threads);
        _first.Answer = Fault(CpuFaultKind.GeneralProtection);
        _first.Meanwhile = () => atTheFault.SignalAndWait();
        FallbackChannel channel = Create();

        HypercallStatus[] statuses = OnThreads(Threads, channel);

        Assert.All(statuses, status => Assert.True(status.IsCompleted));
        Assert.Equal((Threads, Threads), (_first.Calls, _second.Calls));
        _ = Assert.Single(_logger.Messages);
    }

    [Fact]
    public void A_first_that_completes_while_the_other_is_tried_is_what_is_remembered()
    {
        FallbackChannel channel = Create();
        _first.Answer = Fault(CpuFaultKind.InvalidOpcode);
        _second.Meanwhile = () =>
        {
            _first.Answer = HypercallStatus.Completed;
            HypercallRegisters other = default;
            Assert.True(channel.TryInvoke(ref other).IsCompleted);
        };
        HypercallRegisters registers = default;

        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        _ = channel.TryInvoke(ref registers);

        Assert.Equal((3, 1), (_first.Calls, _second.Calls));
        Assert.Empty(_logger.Messages);
    }

    [Theory]
    [InlineData(new byte[] { 0x0F, 0x0B }, CpuFaultKind.InvalidOpcode)]
    [InlineData(new byte[] { 0xF4 }, CpuFaultKind.GeneralProtection)]
    [InlineData(new byte[] { 0x89, 0x05, 0xFA, 0xFF, 0xFF, 0xFF }, CpuFaultKind.PageFault)]
    public void It_works_on_the_real_CPU(byte[] wrong, CpuFaultKind kind)
    {
        StubChannel first = TestTarget.Channel(wrong);
        StubChannel second = TestTarget.Channel(0x48, 0xFF, 0xC0); // inc rax
        FallbackChannel channel = new(first, second, first.Target, second.Target, _logger);
        HypercallRegisters registers = new() { Rax = 1 };
        HypercallRegisters alone = registers;

        Assert.Equal(kind, first.TryInvoke(ref alone).Fault.Kind);
        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        Assert.Equal(2ul, registers.Rax);
    }

    private static HypercallStatus[] OnThreads(int count, FallbackChannel channel)
    {
        HypercallStatus[] statuses = new HypercallStatus[count];
        Thread[] threads = [.. Enumerable.Range(0, count).Select(id => new Thread(() =>
        {
            HypercallRegisters registers = default;
            statuses[id] = channel.TryInvoke(ref registers);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return statuses;
    }

    private static HypercallStatus Fault(CpuFaultKind kind, ulong address = 0) => HypercallStatus.Faulted(new CpuFault(kind)
    {
        Address = new GuestVirtualAddress(address),
        InstructionAddress = new GuestVirtualAddress(InstructionAddress),
    });

    private FallbackChannel Create() => new(_first, _second, First, Second, _logger);

    private sealed class Scripted : IHypercallChannel
    {
        private readonly Lock _gate = new();
        private int _calls;

        public HypercallStatus Answer { get; set; }

        public Action? Meanwhile { get; set; }

        public int Calls => _calls;

        public HypercallRegisters LastFrame { get; private set; }

        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            _ = Interlocked.Increment(ref _calls);
            HypercallStatus answer;
            lock (_gate)
            {
                LastFrame = registers;
                answer = Answer;
            }

            Meanwhile?.Invoke();
            return answer;
        }
    }
}
