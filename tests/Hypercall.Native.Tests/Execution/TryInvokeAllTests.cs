using Hypercall.Native.Execution;

namespace Hypercall.Native.Tests.Execution;

public sealed class TryInvokeAllTests
{
    private static readonly byte[] IncrementRax = [0x48, 0xFF, 0xC0];
    private static readonly byte[] LoadFromRbx = [0x48, 0x8B, 0x03]; // mov rax, [rbx]

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(1000)]
    public void Every_frame_goes_once(int count)
    {
        StubChannel channel = TestTarget.Channel(IncrementRax);
        HypercallRegisters[] frames = [.. Enumerable.Range(0, count + 2).Select(Distinct)];

        HypercallStatus status = channel.TryInvokeAll(frames.AsSpan(1, count), out int completed);

        Assert.True(status.IsCompleted);
        Assert.Equal(count, completed);
        Assert.All(frames.Select((frame, i) => (frame, i)), one =>
            Assert.Equal(one.i >= 1 && one.i <= count ? Distinct(one.i) with { Rax = Distinct(one.i).Rax + 1 } : Distinct(one.i), one.frame));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(256)]
    [InlineData(300)]
    public unsafe void It_stops_at_the_first_that_faults_and_says_where(int faultAt)
    {
        StubChannel channel = TestTarget.Channel(LoadFromRbx);
        ulong value = 42;
        ulong address = (ulong)&value;
        HypercallRegisters[] frames = [.. Enumerable.Range(0, 400).Select(i => Distinct(i) with { Rbx = i == faultAt ? 8 : address })];

        HypercallStatus status = channel.TryInvokeAll(frames, out int completed);

        Assert.Equal(CpuFaultKind.PageFault, status.Fault.Kind);
        Assert.Equal(8ul, status.Fault.Address.Value);
        Assert.Equal(faultAt, completed);
        Assert.All(frames.Take(faultAt), frame => Assert.Equal(42ul, frame.Rax));
        Assert.All(frames.Skip(faultAt).Select((frame, i) => (frame, i: i + faultAt)), one => Assert.Equal(Distinct(one.i).Rax, one.frame.Rax));
    }

    [Fact]
    public void The_other_instruction_is_tried_once_and_takes_all_frames()
    {
        FallbackChannel channel = new(
            TestTarget.Channel(TestTarget.Ud2), TestTarget.Channel(IncrementRax), TestTarget.Of("A", TestTarget.Nop), TestTarget.Of("B", TestTarget.Nop),
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        HypercallRegisters[] frames = new HypercallRegisters[10];

        Assert.True(channel.TryInvokeAll(frames, out int completed).IsCompleted);

        Assert.Equal(10, completed);
        Assert.All(frames, frame => Assert.Equal(1ul, frame.Rax));
    }

    [Fact]
    public void A_refusal_of_the_other_way_decides_nothing()
    {
        Refusing other = new();
        FallbackChannel channel = new(
            TestTarget.Channel(TestTarget.Ud2), other, TestTarget.Of("A", TestTarget.Nop), TestTarget.Of("B", TestTarget.Nop),
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        HypercallRegisters registers = default;

        Assert.True(channel.TryInvoke(ref registers).IsRefused);
        other.Refuses = false;

        Assert.True(channel.TryInvoke(ref registers).IsCompleted);
        Assert.Equal("RAX", channel.Carries.ToString());
        Assert.Equal(2, other.Calls);
    }

    private static HypercallRegisters Distinct(int i)
    {
        HypercallRegisters frame = default;
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            frame[register] = ((ulong)register << 32) + (ulong)i;
        }

        return frame;
    }

    private sealed class Refusing : IHypercallChannel
    {
        public bool Refuses { get; set; } = true;

        public int Calls { get; private set; }

        public RegisterSet Carries => RegisterSet.Of(GeneralRegister.Rax);

        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            Calls++;
            return Refuses ? HypercallStatus.Refused(new ChannelRefusal("device", "busy", "Wait.")) : HypercallStatus.Completed;
        }
    }
}
