using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Technique = Hypercall.Passing;

namespace Hypercall.Tests.Passing;

public class TransferTests
{
    private static readonly TransferRule ByRcx = TransferRule.Create("RCX, if RAX is 0", static (in registers, length) =>
        registers.Rax == 0 ? TransferAnswer.Done(Math.Min((long)registers.Rcx, length)) : TransferAnswer.Failed("RAX is not 0."));

    public static TheoryData<string> Physical => [.. Technique.All.Where(p => p != Technique.Virtual).Select(p => p.Name)];

    public static TheoryData<string> All => [.. Technique.All.Select(p => p.Name)];

    [Property(Arbitrary = [typeof(Layouts)], MaxTest = 150)]
    public void Every_byte_arrives_once_and_in_order_and_no_other_byte_is_touched(Layout layout)
    {
        ModelMachine machine = new() { Offset = layout.BufferOffset, IsNeighbour = layout.IsNeighbour, Direction = layout.Direction };
        byte[] before = new byte[layout.BufferLength];
        int kept = 0;
        new Random(layout.Seed).NextBytes(before);
        using (GuestBuffer buffer = machine.Allocate(layout.BufferLength))
        {
            before.CopyTo(buffer.Span);
            GuestSlice slice = new(buffer, layout.SliceOffset, layout.SliceLength);
            List<long> progress = [];
            bool oneExtent = machine.QueryPages(slice.Address, slice.Length).TryGetPagedRange(out PagedRange? range, out _) && range.IsContiguous;
            TransferResult result = Function(machine, layout.Technique, oneExtent)
                .TryTransfer(slice, layout.Technique, layout.Direction, TransferRule.CompletedMeansAll, new TransferOptions { Progress = new Told(progress.Add), Words = [1, 2, 3] });

            if (layout.Technique == Technique.Contiguous && !oneExtent)
            {
                Assert.Equal((TransferOutcome.Refused, GuestMemoryRefusalReason.NotContiguous), (result.Outcome, result.Refusal!.Reason));
                Assert.Empty(machine.Calls);
                return;
            }

            kept = result.Passing == Technique.FrameList ? 1 : 0; // the page of its list, for the next transfer
            Assert.Equal((TransferOutcome.Completed, slice.Length), (result.Outcome, result.BytesDone));
            Assert.Empty(machine.Trespasses);
            byte[] sent = before[(int)slice.Offset..(int)(slice.Offset + slice.Length)];
            if (layout.Direction.HasFlag(Direction.ToVmm))
            {
                Assert.Equal(sent, machine.Taken);
            }

            byte[] expected = [.. before];
            if (layout.Direction.HasFlag(Direction.FromVmm))
            {
                sent.Select(ModelMachine.Transform).ToArray().CopyTo(expected.AsSpan((int)slice.Offset));
            }

            Assert.Equal(expected, buffer.Span.ToArray());
            Assert.Equal(slice.Length, progress[^1]);
            Assert.Equal(machine.Calls.Count, progress.Count);
            Assert.Equal(progress.Order().Distinct(), progress);
            Assert.All(machine.Calls, call => Assert.Equal((1ul, 2ul, 3ul), (call.Rdx, call.Rsi, call.Rdi)));
        }

        Assert.Equal(machine.Allocated, machine.Released + kept);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(510, 1)]
    [InlineData(511, 1)]
    [InlineData(512, 2)]
    [InlineData(1022, 2)]
    [InlineData(1023, 3)]
    public void A_list_carries_511_frames(int frames, int calls)
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(frames * (long)GuestPage.Size);
        Assert.Equal(calls, Function(machine, Technique.FrameList).Transfer(buffer, Technique.FrameList, Direction.Both, TransferRule.CompletedMeansAll).Calls);
    }

    [Fact]
    public void An_offset_costs_a_frame_list_a_frame_at_the_end()
    {
        ModelMachine machine = new() { Offset = 1 };
        using GuestBuffer buffer = machine.Allocate(511L * GuestPage.Size);
        Assert.Equal(2, Function(machine, Technique.FrameList).Transfer(buffer, Technique.FrameList, Direction.Both, TransferRule.CompletedMeansAll).Calls);
    }

    [Fact]
    public void Contiguous_says_where_it_breaks()
    {
        ModelMachine machine = new() { IsNeighbour = page => page != 2, Offset = 100 };
        using GuestBuffer buffer = machine.Allocate(10_000);
        GuestMemoryException e = Assert.Throws<GuestMemoryException>(() => Function(machine, Technique.Contiguous).Transfer(buffer, Technique.Contiguous, Direction.ToVmm, TransferRule.CompletedMeansAll));
        Assert.Contains($"breaks after {(2 * GuestPage.Size) - 100} of 10000 bytes", e.Message, StringComparison.Ordinal);
        Assert.Empty(machine.Calls);
    }

    [Theory]
    [InlineData(true, 11)]
    [InlineData(false, 12)]
    public void Auto_takes_one_extent_as_one_call_and_anything_else_as_a_list(bool contiguous, int function)
    {
        ModelMachine machine = new() { IsNeighbour = _ => contiguous };
        using GuestBuffer buffer = machine.Allocate(10_000);
        HypercallFunction called = new(machine, HypercallConvention.BitVisor, (ulong)function);
        TransferResult result = called.Transfer(buffer, Technique.Auto, Direction.Both, TransferRule.CompletedMeansAll);
        Assert.Same(contiguous ? Technique.Contiguous : Technique.FrameList, result.Passing);
        Assert.Equal(contiguous ? 10_000ul : 8 + (3 * 8), Assert.Single(machine.Calls).Rcx);
    }

    [Theory]
    [MemberData(nameof(Physical))]
    public void The_VMM_may_write_by_physical_address_into_pinned_memory_only(string technique)
    {
        foreach (Residency residency in (Residency[])[Residency.Touched, Residency.Locked])
        {
            foreach (Direction direction in (Direction[])[Direction.FromVmm, Direction.Both])
            {
                ModelMachine machine = new() { Grants = residency, IsNeighbour = _ => true };
                using GuestBuffer buffer = machine.Allocate(10_000);
                TransferResult result = Function(machine, Named(technique)).TryTransfer(buffer, Named(technique), direction, TransferRule.CompletedMeansAll);
                Assert.Equal((TransferOutcome.Refused, GuestMemoryRefusalReason.NotPinned), (result.Outcome, result.Refusal!.Reason));
                Assert.Contains(nameof(TransferOptions.AcceptMemoryCorruptionIfPagesMove), result.Message, StringComparison.Ordinal);
                Assert.Empty(machine.Calls);

                TransferOptions danger = new() { AcceptMemoryCorruptionIfPagesMove = true };
                Assert.True(Function(machine, Named(technique)).TryTransfer(buffer, Named(technique), direction, TransferRule.CompletedMeansAll, danger).IsCompleted);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Physical))]
    public void The_VMM_may_read_locked_memory_by_physical_address_but_not_memory_that_is_only_touched(string technique)
    {
        foreach ((Residency residency, bool fit) in ((Residency, bool)[])[(Residency.Touched, false), (Residency.Locked, true), (Residency.Pinned, true)])
        {
            ModelMachine machine = new() { Grants = residency, IsNeighbour = _ => true };
            using GuestBuffer buffer = machine.Allocate(10_000);
            Assert.Equal(fit, Function(machine, Named(technique)).TryTransfer(buffer, Named(technique), Direction.ToVmm, TransferRule.CompletedMeansAll).IsCompleted);
        }
    }

    [Fact]
    public void By_virtual_address_any_residency_will_do()
    {
        ModelMachine machine = new() { Grants = Residency.Touched };
        using GuestBuffer buffer = machine.Allocate(10_000);
        Assert.True(Function(machine, Technique.Virtual).TryTransfer(buffer, Technique.Virtual, Direction.Both, TransferRule.CompletedMeansAll).IsCompleted);
    }

    [Theory]
    [MemberData(nameof(Physical))]
    public void A_page_that_moved_during_the_call_is_reported(string technique)
    {
        ModelMachine machine = new() { Grants = Residency.Locked, IsNeighbour = _ => true };
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        machine.AfterCall = call => machine.MigratePage(buffer, 0);
        GuestMemoryMovedException e = Assert.Throws<GuestMemoryMovedException>(
            () => Function(machine, Named(technique)).Transfer(buffer, Named(technique), Direction.ToVmm, TransferRule.CompletedMeansAll));
        Assert.Equal((0L, 1L), (e.Result.BytesDone, e.Result.Calls));
        Assert.Contains("cannot be trusted", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pages_that_moved_before_the_call_are_translated_right_before_it()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        buffer.Span.Fill(7);
        machine.BeforeCall = call => { if (call < 3) { machine.MigratePage(buffer, call); } }; // the page of the next call
        TransferResult result = Function(machine, Technique.PageByPage).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.True(result.IsCompleted);
        Assert.All(machine.Taken, taken => Assert.Equal(7, taken));
    }

    [Fact]
    public void A_page_that_moved_part_way_leaves_the_bytes_before_it()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        machine.AfterCall = call => { if (call == 2) { machine.MigratePage(buffer, 1); } };
        TransferResult result = Function(machine, Technique.PageByPage).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((TransferOutcome.Moved, (long)GuestPage.Size, 2L), (result.Outcome, result.BytesDone, result.Calls));
    }

    [Fact]
    public void A_page_that_is_absent_at_translation_is_touched_and_asked_for_again()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        machine.BeforeCall = call => { if (call == 1) { machine.Unmap(buffer, 2); } };
        Assert.True(Function(machine, Technique.PageByPage).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll).IsCompleted);
    }

    [Fact]
    public void A_copy_that_stopped_part_way_is_incomplete_by_its_rule()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(10_000);
        machine.BeforeCall = _ => machine.Unmap(buffer, 1);
        TransferException e = Assert.Throws<TransferException>(
            () => Function(machine, Technique.Virtual).Transfer(buffer, Technique.Virtual, Direction.Both, ByRcx));
        Assert.Equal((TransferOutcome.Incomplete, (long)GuestPage.Size), (e.Result.Outcome, e.Result.BytesDone));
        Assert.Contains($"Only {GuestPage.Size} of 10000 bytes", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(10_001)]
    public void A_rule_that_claims_more_than_was_given_is_a_failure(long claimed)
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(10_000);
        TransferResult result = Function(machine, Technique.Virtual).TryTransfer(
            buffer, Technique.Virtual, Direction.Both, TransferRule.Create("the test's", (in _, _) => TransferAnswer.Done(claimed)));
        Assert.Equal((TransferOutcome.FunctionFailed, 0L), (result.Outcome, result.BytesDone));
        Assert.Contains($"claims {claimed} bytes", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_half_way_says_how_many_bytes_are_known_to_have_arrived()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        int calls = 0;
        TransferRule rule = TransferRule.Create("full at the third", (in _, length) => ++calls < 3 ? TransferAnswer.Done(length) : TransferAnswer.Failed("disk full.", 100));
        TransferException e = Assert.Throws<TransferException>(() => Function(machine, Technique.PageByPage).Transfer(buffer, Technique.PageByPage, Direction.Both, rule));
        Assert.Equal((2 * GuestPage.Size) + 100, e.Result.BytesDone);
        Assert.Contains("disk full.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_half_way_keeps_what_arrived_before()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        machine.Fault = _ => machine.Calls.Count < 2 ? HypercallStatus.Completed : HypercallStatus.Faulted(new CpuFault(CpuFaultKind.PageFault));
        TransferException e = Assert.Throws<TransferException>(() => Function(machine, Technique.PageByPage).Transfer(buffer, Technique.PageByPage, Direction.Both, TransferRule.CompletedMeansAll));
        Assert.Equal((TransferOutcome.Faulted, (long)GuestPage.Size, CpuFaultKind.PageFault), (e.Result.Outcome, e.Result.BytesDone, e.Result.Fault.Kind));
    }

    [Fact]
    public void A_fault_on_the_only_call_is_the_fault_exception()
    {
        ModelMachine machine = new() { Fault = _ => HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode)) };
        using GuestBuffer buffer = machine.Allocate(10);
        _ = Assert.Throws<HypercallFaultException>(() => Function(machine, Technique.Virtual).Transfer(buffer, Technique.Virtual, Direction.Both, TransferRule.CompletedMeansAll));
    }

    [Fact]
    public void Cancellation_stops_between_two_calls()
    {
        ModelMachine machine = new();
        using CancellationTokenSource cancellation = new();
        using GuestBuffer buffer = machine.Allocate(5L * GuestPage.Size);
        machine.AfterCall = call => { if (call == 2) { cancellation.Cancel(); } };
        TransferCanceledException e = Assert.Throws<TransferCanceledException>(
            () => Function(machine, Technique.PageByPage).Transfer(buffer, Technique.PageByPage, Direction.Both, TransferRule.CompletedMeansAll, null, cancellation.Token));
        Assert.Equal((2L * GuestPage.Size, 2L, cancellation.Token), (e.Result.BytesDone, e.Result.Calls, e.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_the_VMM_keeps_must_be_pinned_and_stays_leased(string technique)
    {
        ModelMachine machine = new() { Grants = Residency.Locked, IsNeighbour = _ => true };
        TransferOptions kept = new() { KeptBy = "log ring" };
        using (GuestBuffer locked = machine.Allocate(GuestPage.Size))
        {
            Assert.Equal(GuestMemoryRefusalReason.NotPinned, Function(machine, Named(technique)).TryTransfer(locked, Named(technique), Direction.ToVmm, TransferRule.CompletedMeansAll, kept).Refusal!.Reason);
            Assert.Empty(machine.Calls);
        }

        machine.Grants = Residency.Pinned;
        using GuestBuffer buffer = machine.Allocate(GuestPage.Size);
        TransferResult result = Function(machine, Named(technique)).Transfer(buffer, Named(technique), Direction.Both, TransferRule.CompletedMeansAll, kept);
        _ = Assert.Throws<InvalidOperationException>(buffer.Dispose);
        result.Lease!.Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public void Whoever_keeps_memory_has_a_name(string name)
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(10);
        _ = Assert.Throws<ArgumentException>(
            () => Function(machine, Technique.Virtual).TryTransfer(buffer, Technique.Virtual, Direction.Both, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = name }));
        Assert.Empty(machine.Calls);
    }

    [Fact]
    public void What_the_VMM_may_keep_stays_leased_when_the_call_fails()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(GuestPage.Size);
        TransferResult result = Function(machine, Technique.Contiguous).TryTransfer(
            buffer, Technique.Contiguous, Direction.Both, TransferRule.Create("the test's", (in _, _) => TransferAnswer.Failed("no.")), new TransferOptions { KeptBy = "ring" });
        Assert.NotNull(result.Lease);
        Assert.True(buffer.IsLeased);
        result.Lease.Dispose();
    }

    [Fact]
    public void A_fault_on_a_call_that_lets_the_VMM_keep_the_address_hands_the_lease_back()
    {
        ModelMachine machine = new() { Fault = _ => HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode)) };
        using GuestBuffer buffer = machine.Allocate(GuestPage.Size);
        TransferException e = Assert.Throws<TransferException>(
            () => Function(machine, Technique.Contiguous).Transfer(buffer, Technique.Contiguous, Direction.Both, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = "ring" }));
        Assert.Equal((TransferOutcome.Faulted, CpuFaultKind.InvalidOpcode), (e.Result.Outcome, e.Result.Fault.Kind));
        e.Result.Lease!.Dispose();
        Assert.False(buffer.IsLeased);
    }

    [Fact]
    public void A_result_prints_no_register_for_they_hold_physical_addresses()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(GuestPage.Size);
        TransferResult result = Function(machine, Technique.PageByPage).Transfer(buffer, Technique.PageByPage, Direction.Both, TransferRule.CompletedMeansAll);
        Assert.Equal(result.Message, result.ToString());
        Assert.DoesNotContain($"{result.Registers.Rbx:x}", result.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_for_the_list_is_there_before_the_data_is_translated()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(10_000);
        machine.AfterAllocation = () => machine.MigratePage(buffer, 1); // getting memory makes the kernel move some
        Assert.True(Function(machine, Technique.FrameList).TryTransfer(buffer, Technique.FrameList, Direction.ToVmm, TransferRule.CompletedMeansAll).IsCompleted);
    }

    [Theory]
    [InlineData("Virtual")]
    [InlineData("PageByPage")]
    public void Memory_that_cannot_be_touched_is_refused_by_the_Try_form(string technique)
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(10_000);
        machine.RefusesTouch = new GuestMemoryRefusal(GuestMemoryRefusalReason.NotWritable, "read-only");
        TransferResult result = Function(machine, Named(technique)).TryTransfer(buffer, Named(technique), Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((TransferOutcome.Refused, GuestMemoryRefusalReason.NotWritable), (result.Outcome, result.Refusal!.Reason));
        Assert.Empty(machine.Calls);
    }

    [Theory]
    [InlineData("Virtual")]
    [InlineData("PageByPage")]
    public void Memory_that_may_be_absent_is_touched_before_it_is_handed_over(string technique)
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(10_000);
        machine.Unmap(buffer, 1);
        TransferResult result = Function(machine, Named(technique)).TryTransfer(buffer, Named(technique), Direction.ToVmm, ByRcx);
        Assert.Equal((TransferOutcome.Completed, 1), (result.Outcome, machine.Touches));
    }

    [Fact]
    public async Task A_dispose_that_waits_does_not_disturb_the_transfer_it_waits_for()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        GuestBuffer buffer = machine.Allocate(10_000);
        Task disposing = Task.CompletedTask;
        machine.BeforeCall = call =>
        {
            if (call == 1)
            {
                disposing = Task.Factory.StartNew(buffer.Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                Assert.True(SpinWait.SpinUntil(() => buffer.IsDisposed, LastResort.Bound));
                machine.Unmap(buffer, 1); // so that it is touched anew
            }
        };
        Assert.True(Function(machine, Technique.PageByPage).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll).IsCompleted);
        await disposing.WaitAsync(LastResort.Bound);
        Assert.Equal(1, machine.Released);
    }

    [Fact]
    public void A_transfer_whose_pages_cannot_be_found_again_is_not_trusted()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(100);
        machine.AfterCall = _ => machine.Refuses = new GuestMemoryRefusal(GuestMemoryRefusalReason.PageMapUnavailable, "gone");
        Assert.Equal(TransferOutcome.Moved, Function(machine, Technique.PageByPage).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll).Outcome);
    }

    [Fact]
    public void A_fault_is_a_fault_even_if_a_page_moved()
    {
        ModelMachine machine = new() { Grants = Residency.Locked, Fault = _ => HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode)) };
        using GuestBuffer buffer = machine.Allocate(100);
        machine.AfterCall = _ => machine.MigratePage(buffer, 0);
        Assert.Equal(TransferOutcome.Faulted, Function(machine, Technique.PageByPage).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll).Outcome);
    }

    [Fact]
    public void Memory_that_is_refused_half_way_leaves_the_bytes_before_it()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(10_000);
        Told refusing = new(_ => machine.Refuses = new GuestMemoryRefusal(GuestMemoryRefusalReason.PageMapUnavailable, "gone."));
        TransferException e = Assert.Throws<TransferException>(
            () => Function(machine, Technique.PageByPage).Transfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll, new TransferOptions { Progress = refusing }));
        Assert.Equal((TransferOutcome.Refused, (long)GuestPage.Size), (e.Result.Outcome, e.Result.BytesDone));
        Assert.Contains($"{GuestPage.Size} of 10000 bytes", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_list_page_nothing_is_handed_over()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(10_000);
        machine.Refuses = new GuestMemoryRefusal(GuestMemoryRefusalReason.FramesHidden, "CAP_SYS_ADMIN");
        TransferResult result = Function(machine, Technique.FrameList).TryTransfer(buffer, Technique.FrameList, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal(GuestMemoryRefusalReason.FramesHidden, result.Refusal!.Reason);
        Assert.Empty(machine.Calls);
    }

    [Fact]
    public void Where_the_platform_has_no_physical_addresses_the_error_says_so()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(10_000);
        machine.Refuses = new GuestMemoryRefusal(GuestMemoryRefusalReason.PlatformNotSupported, "Windows keeps frame numbers to itself.");
        PlatformNotSupportedException e = Assert.Throws<PlatformNotSupportedException>(
            () => Function(machine, Technique.FrameList).Transfer(buffer, Technique.FrameList, Direction.ToVmm, TransferRule.CompletedMeansAll));
        Assert.Contains("Windows", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_buffer_cannot_be_disposed_by_its_own_call(string technique)
    {
        ModelMachine machine = new() { IsNeighbour = _ => true };
        using GuestBuffer buffer = machine.Allocate(10_000);
        machine.BeforeCall = _ => Assert.Throws<InvalidOperationException>(buffer.Dispose);
        Assert.True(Function(machine, Named(technique)).TryTransfer(buffer, Named(technique), Direction.Both, TransferRule.CompletedMeansAll).IsCompleted);
        Assert.False(buffer.IsLeased);
    }

    [Fact]
    public void A_disposed_buffer_is_refused()
    {
        ModelMachine machine = new();
        GuestBuffer buffer = machine.Allocate(10_000);
        buffer.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => Function(machine, Technique.Virtual).Transfer(buffer, Technique.Virtual, Direction.Both, TransferRule.CompletedMeansAll));
    }

    [Theory]
    [InlineData(0, 0, "length")]
    [InlineData(0, 10_001, "length")]
    [InlineData(-1, 10, "offset")]
    [InlineData(10_000, 1, "length")]
    [InlineData(10_001, 1, "offset")]
    public void A_slice_that_is_empty_or_leaves_the_buffer_is_refused(long offset, long length, string parameter)
    {
        using GuestBuffer buffer = new ModelMachine().Allocate(10_000);
        Assert.Equal(parameter, Assert.Throws<ArgumentOutOfRangeException>(() => new GuestSlice(buffer, offset, length)).ParamName);
    }

    [Fact]
    public void A_default_slice_and_a_direction_that_is_none_are_refused()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(10);
        _ = Assert.Throws<ArgumentNullException>(() => Function(machine, Technique.Virtual).Transfer(default, Technique.Virtual, Direction.Both, TransferRule.CompletedMeansAll));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => Function(machine, Technique.Virtual).Transfer(buffer, Technique.Virtual, 0, TransferRule.CompletedMeansAll));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Up_to_five_words_go_in_registers(int count)
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        HypercallRegisters seen = default;
        machine.OnInvoke = (ref registers) =>
        {
            seen = registers;
            registers = new HypercallRegisters { Rax = 1, Rbx = 11, Rcx = 12, Rdx = 13, Rsi = 14, Rdi = 15 };
            return HypercallStatus.Completed;
        };
        ulong[] words = [.. Enumerable.Range(1, count).Select(i => (ulong)i)];
        TransferResult result = new HypercallFunction(machine, HypercallConvention.BitVisor, 9, "words").Transfer(words, Direction.Both, TransferRule.CompletedMeansAll);
        Assert.Equal((9ul, 1ul, count > 1 ? 2ul : 0, count > 4 ? 5ul : 0), (seen.Rax, seen.Rbx, seen.Rcx, seen.Rdi));
        Assert.Equal(Enumerable.Range(11, count).Select(i => (ulong)i), words);
        Assert.Equal(8L * count, result.BytesDone);
    }

    [Fact]
    public void Words_go_and_come_in_their_direction_only()
    {
        HypercallRegisters seen = default;
        ScriptedMachine machine = new() { OnInvoke = (ref registers) => { seen = registers; registers.Rbx = 11; return HypercallStatus.Completed; } };
        HypercallFunction function = new(machine, HypercallConvention.BitVisor, 9, "words");
        ulong[] word = [1];
        _ = function.Transfer(word, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((1ul, 1ul), (seen.Rbx, word[0]));
        _ = function.Transfer(word, Direction.FromVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((0ul, 11ul), (seen.Rbx, word[0]));
    }

    [Fact]
    public void A_rule_judges_words_too()
    {
        ScriptedMachine machine = ScriptedMachine.Answering(0);
        TransferException e = Assert.Throws<TransferException>(
            () => new HypercallFunction(machine, HypercallConvention.BitVisor, 9, "words").Transfer(new ulong[2], Direction.ToVmm, TransferRule.Create("the test's", (in _, _) => TransferAnswer.Done(8))));
        Assert.Equal((TransferOutcome.Incomplete, 8L, 16L), (e.Result.Outcome, e.Result.BytesDone, e.Result.Length));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    public void More_than_five_words_or_none_are_refused(int count)
    {
        ScriptedMachine machine = ScriptedMachine.Answering();
        _ = Assert.Throws<ArgumentException>(() => new HypercallFunction(machine, HypercallConvention.BitVisor, 9, "words").Transfer(new ulong[count], Direction.ToVmm, TransferRule.CompletedMeansAll));
        Assert.Equal(0, machine.Calls);
    }

    [Theory]
    [InlineData("PageByPage", 3)]
    [InlineData("FrameList", 3)]
    [InlineData("Auto", 5)] // looks first, and then leaves it to the list
    public void A_page_that_stays_absent_is_asked_for_three_times(string technique, int touches)
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(10_000);
        machine.TouchesInVain = true;
        machine.Unmap(buffer, 0);
        TransferResult result = Function(machine, Named(technique)).TryTransfer(buffer, Named(technique), Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((TransferOutcome.Refused, GuestMemoryRefusalReason.NotMapped), (result.Outcome, result.Refusal!.Reason));
        Assert.Equal(touches, machine.Touches); // once before, and once after each attempt but the last
        Assert.Empty(machine.Calls);
    }

    [Fact]
    public void What_keeps_a_page_from_being_touched_again_is_told()
    {
        ModelMachine machine = new() { Grants = Residency.Locked };
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        machine.BeforeCall = call =>
        {
            machine.Unmap(buffer, 2);
            machine.RefusesTouch = new GuestMemoryRefusal(GuestMemoryRefusalReason.NotWritable, "read-only");
        };
        TransferResult result = Function(machine, Technique.PageByPage).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((TransferOutcome.Refused, GuestMemoryRefusalReason.NotWritable, 2L), (result.Outcome, result.Refusal!.Reason, result.Calls));
    }

    [Fact]
    public void Frames_that_are_hidden_are_not_asked_for_again()
    {
        ModelMachine machine = new() { HidesFrames = true };
        using GuestBuffer buffer = machine.Allocate(100);
        TransferResult result = Function(machine, Technique.PageByPage).TryTransfer(buffer, Technique.PageByPage, Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal((TransferOutcome.Refused, GuestMemoryRefusalReason.FramesHidden, 0), (result.Outcome, result.Refusal!.Reason, machine.Touches));
    }

    [Fact]
    public void What_the_VMM_keeps_is_leased_once_however_many_calls_it_takes()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(3L * GuestPage.Size);
        TransferResult result = Function(machine, Technique.PageByPage).Transfer(buffer, Technique.PageByPage, Direction.Both, TransferRule.CompletedMeansAll, new TransferOptions { KeptBy = "ring" });
        Assert.Same(result.Lease, Assert.Single(buffer.Leases));
        result.Lease!.Dispose();
    }

    [Fact]
    public void A_function_may_do_nothing_and_say_so()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(100);
        TransferResult result = Function(machine, Technique.Virtual).TryTransfer(
            buffer, Technique.Virtual, Direction.Both, TransferRule.Create("the test's", (in _, _) => TransferAnswer.Done(0)));
        Assert.Equal((TransferOutcome.Incomplete, 0L), (result.Outcome, result.BytesDone));
    }

    [Fact]
    public void Each_technique_has_its_name() =>
        Assert.Equal(["Virtual", "Contiguous", "PageByPage", "FrameList", "Auto"], Technique.All.Select(technique => technique.ToString()));

    [Fact]
    public void A_buffer_tells_the_frames_it_is_in()
    {
        ModelMachine machine = new();
        using GuestBuffer buffer = machine.Allocate(10_000);
        Assert.True(buffer.TryQueryPages(out GuestPageMap? pages, out _));
        Assert.Equal((3, GuestPageState.Present), (pages.Pages.Length, pages.Pages.Span[0].State));
        Assert.False(buffer.IsLeased); // the question is over
    }

    private static Technique Named(string name) => Technique.All.Single(p => p.Name == name);

    private static HypercallFunction Function(ModelMachine machine, Technique technique) => Function(machine, technique, machine.IsNeighbour(1));

    private static HypercallFunction Function(ModelMachine machine, Technique technique, bool oneExtent) => new(machine, HypercallConvention.BitVisor, technique switch
    {
        _ when technique == Technique.Virtual => ModelMachine.ByVirtual,
        _ when technique == Technique.FrameList => ModelMachine.ByList,
        _ when technique == Technique.Auto && !oneExtent => ModelMachine.ByList,
        _ => ModelMachine.ByPhysical,
    });

    private sealed class Told(Action<long> tell) : IProgress<long>
    {
        public void Report(long value) => tell(value);
    }

    public sealed record Layout(
        Technique Technique, Direction Direction, int BufferOffset, int BufferLength, int SliceOffset, int SliceLength, int Break, int Seed)
    {
        /// <summary>0 scatters every frame, 1 none, and n breaks the run at every n-th frame.</summary>
        public bool IsNeighbour(int page) => Break == 1 || (Break > 1 && page % Break != 0);
    }

    public static class Layouts
    {
        public static Arbitrary<Layout> Layout() => Arb.From(
            from technique in Gen.Elements(Technique.Virtual, Technique.Contiguous, Technique.PageByPage, Technique.FrameList, Technique.Auto)
            from direction in Gen.Elements(Direction.ToVmm, Direction.FromVmm, Direction.Both)
            from pages in Gen.Frequency((20, Gen.Choose(1, 6)), (1, Gen.Elements(510, 511, 512, 513, 1022, 1023, 1024)))
            from tail in Gen.Frequency((1, Gen.Constant(0)), (2, Gen.Choose(-4095, 4095)))
            from bufferOffset in Gen.Frequency((2, Gen.Constant(0)), (1, Gen.Choose(0, 4095)))
            let length = Math.Max(1, (pages * GuestPage.Size) + tail)
            from sliceOffset in Gen.Frequency((2, Gen.Constant(0)), (1, Gen.Choose(0, length - 1)))
            from sliceLength in Gen.Frequency((2, Gen.Constant(length - sliceOffset)), (1, Gen.Choose(1, length - sliceOffset)))
            from breaks in Gen.Elements(0, 1, 1, 2, 3)
            from seed in Gen.Choose(0, int.MaxValue)
            select new Layout(technique, direction, bufferOffset, length, sliceOffset, sliceLength, breaks, seed));
    }
}
