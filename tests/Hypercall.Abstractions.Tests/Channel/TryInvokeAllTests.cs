using FsCheck.Xunit;

namespace Hypercall.Tests.Channel;

public class TryInvokeAllTests
{
    [Property(MaxTest = 100)]
    public void Frames_go_in_their_order_up_to_the_first_that_does_not_complete(byte count, byte faultAt)
    {
        List<ulong> seen = [];
        ScriptedMachine machine = new()
        {
            OnInvoke = (ref registers) =>
            {
                if (registers.Rbx == faultAt)
                {
                    return HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode));
                }

                seen.Add(registers.Rbx);
                registers.Rax = registers.Rbx + 1;
                return HypercallStatus.Completed;
            },
        };
        HypercallRegisters[] frames = [.. Enumerable.Range(0, count).Select(i => new HypercallRegisters { Rbx = (ulong)i })];

        HypercallStatus status = machine.TryInvokeAll(frames, out int completed);

        Assert.Equal(Math.Min(count, faultAt), completed);
        Assert.Equal(faultAt >= count, status.IsCompleted);
        Assert.Equal(Enumerable.Range(0, completed).Select(i => (ulong)i), seen);
        Assert.All(frames.Select((frame, i) => (frame, i)), one => Assert.Equal(one.i < completed ? one.frame.Rbx + 1 : 0, one.frame.Rax));
    }

    [Fact]
    public void No_frames_are_completed_at_once()
    {
        Assert.True(ScriptedMachine.Answering().TryInvokeAll([], out int completed).IsCompleted);
        Assert.Equal(0, completed);
    }
}
