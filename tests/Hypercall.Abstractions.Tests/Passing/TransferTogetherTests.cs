using FsCheck;
using FsCheck.Xunit;
using Technique = Hypercall.Passing;

namespace Hypercall.Tests.Passing;

/// <summary>Pieces that go with one transition, which only what cannot fail lets them.</summary>
public class TransferTogetherTests
{
    [Property(MaxTest = 60)]
    public void All_pieces_go_once_in_their_order(PositiveInt pages, NonNegativeInt offset, bool isContiguous)
    {
        ModelMachine machine = new() { Offset = offset.Get % GuestPage.Size, IsNeighbour = _ => isContiguous };
        Counting channel = new(machine);
        long length = (pages.Get % 200 * GuestPage.Size) + 17;
        using GuestBuffer buffer = machine.Allocate(length);

        TransferResult result = Function(machine, channel).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll);

        Assert.Equal((TransferOutcome.Completed, length, (long)machine.Calls.Count), (result.Outcome, result.BytesDone, result.Calls));
        Assert.Equal(length, machine.Taken.Count);
        Assert.Empty(machine.Trespasses);
        Assert.Equal((machine.Calls.Count + 63) / 64, channel.Batches);
    }

    [Property(MaxTest = 60)]
    public void It_ends_at_the_piece_that_faults(byte faultAt)
    {
        ModelMachine machine = new();
        machine.Fault = _ => machine.Calls.Count <= faultAt ? HypercallStatus.Completed : HypercallStatus.Faulted(new CpuFault(CpuFaultKind.PageFault));
        using GuestBuffer buffer = machine.Allocate(256L * GuestPage.Size);

        TransferResult result = Function(machine, new Counting(machine)).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll);

        Assert.Equal((TransferOutcome.Faulted, (long)faultAt * GuestPage.Size, faultAt + 1L), (result.Outcome, result.BytesDone, result.Calls));
        Assert.Equal(CpuFaultKind.PageFault, result.Fault.Kind);
    }

    [Fact]
    public void A_rule_that_judges_sees_each_piece_before_the_next_goes()
    {
        ModelMachine machine = new();
        Counting channel = new(machine);
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        _ = Function(machine, channel).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.BytesIn(GeneralRegister.Rcx));
        Assert.Equal((0, 3), (channel.Batches, machine.Calls.Count));
    }

    [Fact]
    public void A_convention_that_judges_sees_each_piece_before_the_next_goes()
    {
        ModelMachine machine = new() { Serve = _ => { } };
        Counting channel = new(machine);
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        HypercallFunction function = new(machine.WithChannel(channel), HypercallConvention.Xen, 1, layout: TransferLayout.AddressAndLength);
        Assert.True(function.TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll).IsCompleted);
        Assert.Equal((0, 3), (channel.Batches, machine.Calls.Count));
    }

    [Fact]
    public void Memory_that_may_move_goes_piece_by_piece()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        Counting channel = new(machine);
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        Assert.True(Function(machine, channel).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll).IsCompleted);
        Assert.Equal((0, 3), (channel.Batches, machine.Calls.Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nobody_keeps_an_address_that_the_channel_refused_to_tell(bool together)
    {
        ChannelRefusal busy = new("device", "busy", "Wait.", isTransient: true);
        ModelMachine machine = new() { Fault = _ => HypercallStatus.Refused(busy) };
        GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        TransferRule rule = together ? TransferRule.CompletedMeansAll : TransferRule.ZeroMeansAll;
        TransferOptions kept = new() { KeptBy = "log ring" };
        HypercallFunction function = Function(machine, new Counting(machine));
        Assert.Same(busy, Assert.Throws<HypercallRefusedException>(() => function.Transfer(buffer, Technique.PageByPage, Direction.ToVmm, rule, kept)).Refusal);
        machine.Fault = _ => machine.Calls.Count < 3 ? HypercallStatus.Completed : HypercallStatus.Refused(busy); // one was refused before
        TransferResult later = function.TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll, kept);
        Assert.Equal((TransferOutcome.ChannelRefused, (long)GuestPage.Size), (later.Outcome, later.BytesDone));
        Assert.NotNull(later.Lease);
        later.Lease.Dispose();
        buffer.Dispose(); // no lease is left
    }

    [Fact]
    public void Who_cancels_or_counts_has_a_say_after_each_piece()
    {
        using CancellationTokenSource cancellation = new();
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(100L * GuestPage.Size);
        List<long> told = [];
        Assert.True(Function(machine, new Counting(machine)).TryTransfer(
            buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll, new TransferOptions { Progress = new Told(told.Add) }).IsCompleted);
        Assert.Equal(100, told.Count);
        machine.AfterCall = _ => cancellation.Cancel();
        TransferResult result = Function(machine, new Counting(machine)).TryTransfer(
            buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll, cancellationToken: cancellation.Token);
        Assert.Equal((TransferOutcome.Canceled, (long)GuestPage.Size), (result.Outcome, result.BytesDone));
    }

    [Theory]
    [InlineData(true, "Auto chose Contiguous.")]
    [InlineData(false, "Auto chose FrameList.")]
    public void Auto_says_what_it_chose(bool isContiguous, string says)
    {
        ModelMachine machine = new() { IsNeighbour = _ => isContiguous };
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        HypercallFunction function = new(machine, HypercallConvention.BitVisor, isContiguous ? ModelMachine.ByPhysical : ModelMachine.ByList);
        Assert.EndsWith(says, function.TryTransfer(buffer, Technique.Auto, Direction.ToVmm, TransferRule.CompletedMeansAll).Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Auto", function.TryTransfer(buffer, Technique.FrameList, Direction.ToVmm, TransferRule.CompletedMeansAll).Message, StringComparison.Ordinal);
    }

    private static HypercallFunction Function(ModelMachine machine, IHypercallChannel channel) =>
        new(machine.WithChannel(channel), HypercallConvention.BitVisor, ModelMachine.ByPhysical);

    private sealed class Counting(IHypercallChannel inner) : IHypercallChannel, IManyFrames
    {
        public int Batches { get; private set; }

        public HypercallStatus TryInvoke(ref HypercallRegisters registers) => inner.TryInvoke(ref registers);

        public HypercallStatus TryInvokeAll(Span<HypercallRegisters> frames, out int completed)
        {
            Batches++;
            return inner.TryInvokeAll(frames, out completed);
        }
    }

    private sealed class Told(Action<long> tell) : IProgress<long>
    {
        public void Report(long value) => tell(value);
    }
}
