using System.Runtime.InteropServices;

namespace Hypercall.Testing.Tests;

public sealed class FakeGuestMemoryTests
{
    private readonly FakeMachine _fake = new();

    private FakeGuestMemory Memory => _fake.Memory;

    [Fact]
    public void What_the_guest_writes_through_a_span_the_VMM_reads_by_both_addresses()
    {
        using GuestBuffer buffer = Memory.Allocate(10);
        "abc"u8.CopyTo(buffer.Span);

        Assert.Equal("abc"u8.ToArray(), _fake.ReadVirtual(buffer.Address, 3));
        Assert.Equal("abc"u8.ToArray(), _fake.ReadPhysical(new GuestFrameNumber(buffer.Frames()[0]).Address, 3));
    }

    [Fact]
    public void What_the_VMM_writes_by_either_address_the_guest_finds_in_its_span()
    {
        using GuestBuffer buffer = Memory.Allocate(10);

        Assert.Equal(3, _fake.WriteVirtual(buffer.Address + 1, "foo"u8.ToArray()));
        Assert.Equal(3, _fake.WritePhysical(new GuestPhysicalAddress(new GuestFrameNumber(buffer.Frames()[0]).Address.Value + 5), "bar"u8.ToArray()));

        Assert.Equal("\0foo\0bar\0\0"u8, buffer.Span);
    }

    [Fact]
    public void Behind_a_buffer_there_is_no_page()
    {
        using GuestBuffer first = Memory.Allocate(1);
        using GuestBuffer second = Memory.Allocate(1);

        Assert.Equal(GuestPage.Size, _fake.ReadVirtual(first.Address, 3 * GuestPage.Size).Length);
        Assert.Equal(GuestPageState.NotMapped, Memory.QueryPages(first.Address + GuestPage.Size, 1).Pages.Span[0].State);
    }

    [Fact]
    public void Behind_a_scattered_frame_there_is_somebody_else()
    {
        using GuestBuffer buffer = Memory.Allocate(2 * GuestPage.Size);
        GuestPhysicalAddress first = new GuestFrameNumber(buffer.Frames()[0]).Address;

        Assert.Equal(GuestPage.Size, _fake.ReadPhysical(first, GuestPage.Size).Length);
        FakeMachineException thrown = OracleAssert.Speaks(
            FakeOracle.ForeignFrame,
            () => _fake.ReadPhysical(first, GuestPage.Size + 1));
        Assert.Contains("Neighbouring pages do not lie in neighbouring frames", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_contiguous_buffer_is_read_by_one_physical_address()
    {
        using GuestBuffer buffer = Memory.Allocate(3 * GuestPage.Size, contiguity: Contiguity.Contiguous);
        buffer.Span.Fill(7);

        Assert.Equal(Contiguity.Contiguous, buffer.Contiguity);
        Assert.Equal(buffer.Span.ToArray(), _fake.ReadPhysical(new GuestFrameNumber(buffer.Frames()[0]).Address, 3 * GuestPage.Size));
        _ = OracleAssert.Speaks(
            FakeOracle.ForeignFrame,
            () => _fake.ReadPhysical(new GuestFrameNumber(buffer.Frames()[0]).Address, (3 * GuestPage.Size) + 1));
    }

    [Fact]
    public void Frames_lie_below_and_above_4_GiB_and_fit_52_bits()
    {
        const ulong FourGiB = 0x10_0000;
        using GuestBuffer scattered = Memory.Allocate(1000 * GuestPage.Size);
        using GuestBuffer contiguous = Memory.Allocate(1000 * GuestPage.Size, contiguity: Contiguity.Contiguous);
        ulong[] frames = [.. scattered.Frames(), .. contiguous.Frames()];

        Assert.Contains(frames, frame => frame < FourGiB);
        Assert.Contains(frames, frame => frame >= FourGiB);
        Assert.All(frames, frame => Assert.InRange(frame, 1ul, (1ul << 40) - 1));
    }

    [Fact]
    public void A_quarter_of_a_million_scattered_frames_are_all_different_and_no_two_are_neighbours()
    {
        using GuestBuffer buffer = Memory.Allocate(1, Residency.Touched);
        HashSet<ulong> frames = [];
        for (int i = 0; i < 250_000; i++) // were frames not two apart, the first neighbours would come after 144,140
        {
            Assert.True(buffer.TryQueryPages(out GuestPageMap? pages, out _));
            Assert.True(frames.Add(pages.Pages.Span[0].Frame.Value));
            Memory.MigratePage(buffer, 0);
        }

        Assert.DoesNotContain(frames, frame => frames.Contains(frame + 1));
    }

    [Fact]
    public void A_page_that_was_swapped_out_stops_the_VMM_and_a_span_brings_it_back_into_another_frame()
    {
        using GuestBuffer buffer = Memory.Allocate(3 * GuestPage.Size, Residency.Touched);
        buffer.Span.Fill(5);
        ulong[] before = buffer.Frames();

        Memory.SwapOut(buffer, 1);

        Assert.Equal([GuestPageState.Present, GuestPageState.Swapped, GuestPageState.Present], buffer.States());
        Assert.Equal(GuestPage.Size - 10, _fake.ReadVirtual(buffer.Address + 10, 2 * GuestPage.Size).Length);
        Assert.Equal(GuestPage.Size - 10, _fake.WriteVirtual(buffer.Address + 10, new byte[2 * GuestPage.Size]));
        Assert.NotEqual([5, 5, 5, 5], _fake.ReadPhysical(new GuestFrameNumber(before[1]).Address, 4));

        Assert.Equal(5, buffer.Span[GuestPage.Size]);
        Assert.Equal([before[0], before[2]], [buffer.Frames()[0], buffer.Frames()[2]]);
        Assert.NotEqual(before[1], buffer.Frames()[1]);
    }

    [Fact]
    public void A_slice_touches_its_own_pages_only()
    {
        using GuestBuffer buffer = Memory.Allocate(4 * GuestPage.Size, Residency.Touched);
        Memory.SwapOut(buffer);

        _ = buffer.AsMemory(GuestPage.Size + 1, GuestPage.Size);
        Assert.Equal([GuestPageState.Swapped, GuestPageState.Present, GuestPageState.Present, GuestPageState.Swapped], buffer.States());

        _ = buffer.AsMemory(0, 0);
        Assert.Equal(GuestPageState.Swapped, buffer.States()[0]);
        buffer.Touch();
        Assert.All(buffer.States(), state => Assert.Equal(GuestPageState.Present, state));
    }

    [Theory]
    [InlineData(Residency.Locked)]
    [InlineData(Residency.Pinned)]
    public void A_page_that_is_held_is_never_swapped_out(Residency residency)
    {
        using GuestBuffer buffer = Memory.Allocate(2 * GuestPage.Size, residency);

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => Memory.SwapOut(buffer));
        Assert.Contains(residency.ToString(), error.Message, StringComparison.Ordinal);
        _ = Assert.Throws<InvalidOperationException>(() => Memory.SwapOut(buffer, 1));
        Assert.All(buffer.States(), state => Assert.Equal(GuestPageState.Present, state));
    }

    [Fact]
    public void A_pinned_page_neither_moves_nor_is_absent()
    {
        using GuestBuffer buffer = Memory.Allocate(1, Residency.Pinned);
        ulong[] before = buffer.Frames();

        _ = Assert.Throws<InvalidOperationException>(() => Memory.MigratePage(buffer, 0));
        _ = Assert.Throws<InvalidOperationException>(() => Memory.MigratePage(buffer, 0, 1));

        Assert.Equal(before, buffer.Frames());
    }

    [Theory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    public void A_page_that_is_not_pinned_may_move_and_its_old_frame_is_not_its_own_any_more(Residency residency)
    {
        using GuestBuffer buffer = Memory.Allocate(1, residency);
        buffer.Span[0] = 9;
        ulong before = buffer.Frames()[0];

        Memory.MigratePage(buffer, 0);

        Assert.NotEqual(before, buffer.Frames()[0]);
        Assert.Equal([9], _fake.ReadPhysical(new GuestFrameNumber(buffer.Frames()[0]).Address, 1));
        Assert.Equal([9], _fake.ReadVirtual(buffer.Address, 1));
        Assert.NotEqual([9], _fake.ReadPhysical(new GuestFrameNumber(before).Address, 1));
        _ = OracleAssert.Speaks(FakeOracle.StaleFrame, () => _fake.WritePhysical(new GuestFrameNumber(before).Address, [1]));
    }

    [Fact]
    public void A_locked_page_is_absent_for_so_many_walks_and_touching_does_not_help()
    {
        using GuestBuffer buffer = Memory.Allocate(2 * GuestPage.Size, Residency.Locked);
        ulong before = buffer.Frames()[1];
        Memory.MigratePage(buffer, 1, walks: 2);
        Assert.Equal([GuestPageState.Present, GuestPageState.Swapped], buffer.States());

        Assert.Equal(GuestPage.Size, _fake.ReadVirtual(buffer.Address, 2 * GuestPage.Size).Length);
        buffer.Touch();
        Assert.Equal(0, _fake.WriteVirtual(buffer.Address + GuestPage.Size, [1]));

        Assert.Equal(2 * GuestPage.Size, _fake.ReadVirtual(buffer.Address, 2 * GuestPage.Size).Length);
        Assert.NotEqual(before, buffer.Frames()[1]);
    }

    [Fact]
    public void A_page_that_is_out_when_it_moves_stays_out()
    {
        using GuestBuffer buffer = Memory.Allocate(1, Residency.Touched);
        Memory.SwapOut(buffer);
        Memory.MigratePage(buffer, 0);
        Memory.MigratePage(buffer, 0, walks: 1);

        Assert.Empty(_fake.ReadVirtual(buffer.Address, 1));
        Assert.Equal([GuestPageState.Swapped], buffer.States());
        Assert.Empty(_fake.ReadVirtual(buffer.Address, 1));
        buffer.Touch();
        _ = Assert.Single(_fake.ReadVirtual(buffer.Address, 1));
    }

    [Fact]
    public void Hidden_frames_are_told_from_absent_ones()
    {
        using GuestBuffer buffer = Memory.Allocate(2 * GuestPage.Size, Residency.Touched);
        Memory.SwapOut(buffer, 1);
        Memory.HideFrames = true;

        Assert.Equal([GuestPageState.FrameHidden, GuestPageState.Swapped], buffer.States());
        buffer.Touch();
        Assert.True(buffer.TryQueryPages(out GuestPageMap? pages, out _));
        Assert.False(pages.TryGetPagedRange(out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.FramesHidden, refusal.Reason);
    }

    [Fact]
    public void A_buffer_that_was_freed_is_gone_at_both_addresses_and_was_zeroed()
    {
        GuestBuffer buffer = Memory.Allocate(GuestPage.Size + 1);
        Span<byte> stale = buffer.Span;
        stale.Fill(3);
        ulong[] frames = buffer.Frames();
        GuestVirtualAddress address = buffer.Address;

        buffer.Dispose();

        Assert.Equal(GuestPageState.NotMapped, Memory.QueryPages(address, 1).Pages.Span[0].State);
        Assert.True(stale.IndexOfAnyExcept((byte)0) < 0);
        Assert.All(frames, frame => Assert.True(_fake.ReadPhysical(new GuestFrameNumber(frame).Address, 8).AsSpan().IndexOfAnyExcept((byte)0, (byte)3) >= 0));
        _ = OracleAssert.Speaks(FakeOracle.StaleFrame, () => _fake.ReadVirtual(address, 1));
        _ = Assert.Throws<ObjectDisposedException>(() => Memory.SwapOut(buffer));
    }

    [Fact]
    public void The_lock_limit_is_a_typed_refusal_with_both_numbers()
    {
        Memory.LockLimit = 3 * GuestPage.Size;
        using GuestBuffer first = Memory.Allocate(2 * GuestPage.Size, Residency.Locked);

        Assert.False(Memory.TryAllocate(GuestPage.Size + 1, new GuestBufferOptions { Residency = Residency.Pinned }, out _, out GuestMemoryRefusal? refusal));

        Assert.Equal((GuestMemoryRefusalReason.LockLimit, 3L * GuestPage.Size, 4L * GuestPage.Size), (refusal.Reason, refusal.Limit, refusal.Needed));
        Assert.Contains("RLIMIT_MEMLOCK", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(2 * GuestPage.Size, Memory.LockedBytes);
    }

    [Fact]
    public void A_fallback_is_given_only_where_it_is_allowed_and_the_buffer_says_so()
    {
        Memory.CanPin = false;
        Memory.CanAllocateContiguous = false;
        GuestBufferOptions strict = new() { Contiguity = Contiguity.Contiguous };
        GuestBufferOptions lenient = new() { Contiguity = Contiguity.Contiguous, AllowFallback = true };

        Assert.False(Memory.TryAllocate(2 * GuestPage.Size, strict, out _, out GuestMemoryRefusal? pin));
        Assert.Equal(GuestMemoryRefusalReason.PinningUnavailable, pin.Reason);
        Assert.False(Memory.TryAllocate(2 * GuestPage.Size, new GuestBufferOptions { Residency = Residency.Locked, Contiguity = Contiguity.Contiguous }, out _, out GuestMemoryRefusal? contiguous));
        Assert.Equal(GuestMemoryRefusalReason.NotContiguous, contiguous.Reason);
        using GuestBuffer locked = Memory.Allocate(2 * GuestPage.Size, lenient);
        Assert.Equal((Residency.Locked, Contiguity.Any), (locked.Residency, locked.Contiguity));
        Memory.LockLimit = 0;
        using GuestBuffer touched = Memory.Allocate(2 * GuestPage.Size, lenient);
        Assert.Equal(Residency.Touched, touched.Residency);
        Memory.SwapOut(touched);
    }

    [Fact]
    public void One_page_is_contiguous_on_any_machine()
    {
        Memory.CanAllocateContiguous = false;

        using GuestBuffer buffer = Memory.Allocate(GuestPage.Size, contiguity: Contiguity.Contiguous);

        Assert.Equal(Contiguity.Contiguous, buffer.Contiguity);
    }

    [Fact]
    public void What_no_array_can_hold_is_refused_as_out_of_memory()
    {
        foreach (long length in new[] { (long)Array.MaxLength + 1, Array.MaxLength, long.MaxValue })
        {
            Assert.False(Memory.TryAllocate(length, GuestBufferOptions.Default, out _, out GuestMemoryRefusal? refusal));
            Assert.Equal(GuestMemoryRefusalReason.OutOfMemory, refusal.Reason);
        }
    }

    [Theory]
    [InlineData(0x1000ul, 0L)]
    [InlineData(0x1000ul, -1L)]
    [InlineData(ulong.MaxValue, 1L)]
    [InlineData(ulong.MaxValue - 10, 100L)]
    [InlineData(0x7fff_ffff_ffffUL, 2L)]
    [InlineData(0x8000_0000_0000UL, 1L)]
    [InlineData(1ul, long.MaxValue)]
    public void A_range_that_is_empty_or_wraps_or_leaves_the_address_space_is_refused(ulong start, long length)
    {
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => Memory.TryQueryPages(new GuestVirtualAddress(start), length, out _, out _));
        _ = Assert.Throws<ArgumentOutOfRangeException>(
            () => Memory.TryOpenWindow(new GuestVirtualAddress(start), length, GuestBufferOptions.Default, out _, out _));
    }

    [Fact]
    public void The_last_byte_of_the_address_space_can_be_asked_for() =>
        Assert.Equal(GuestPageState.NotMapped, Memory.QueryPages(new GuestVirtualAddress(0x7fff_ffff_ffff), 1).Pages.Span[0].State);

    [Fact]
    public void No_bytes_cannot_be_allocated()
    {
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => Memory.Allocate(0));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => Memory.Allocate(-1));
    }

    [Fact]
    public void What_is_done_to_a_page_needs_a_page_of_this_memory()
    {
        using GuestBuffer foreign = new FakeGuestMemory().Allocate(1, Residency.Touched);
        using GuestBuffer own = Memory.Allocate(1, Residency.Touched);

        _ = Assert.Throws<ArgumentException>(() => Memory.SwapOut(foreign));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => Memory.MigratePage(own, 1));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => Memory.MigratePage(own, -1));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => Memory.MigratePage(own, 0, 0));
    }

    [Fact]
    public void Two_machines_hand_out_the_same_addresses()
    {
        Assert.Equal(Trace(), Trace());

        static List<ulong> Trace()
        {
            FakeGuestMemory memory = new();
            List<ulong> addresses = [];
            using GuestBuffer kept = memory.Allocate(5 * GuestPage.Size, Residency.Touched);
            for (int i = 1; i < 50; i++)
            {
                using GuestBuffer buffer = memory.Allocate(i * 1000, Residency.Pinned, i % 3 == 0 ? Contiguity.Contiguous : Contiguity.Any);
                using GuestBuffer window = memory.OpenWindow(new byte[i], new GuestBufferOptions());
                memory.MigratePage(kept, i % 5);
                memory.SwapOut(kept, i * 2 % 5);
                kept.Touch();
                addresses.AddRange([buffer.Address.Value, window.Address.Value, .. buffer.Frames(), .. window.Frames(), .. kept.Frames()]);
            }

            return addresses;
        }
    }

    [Fact]
    public void Many_buffers_that_come_and_go_leave_nothing_locked_and_are_all_found_while_they_live()
    {
        Queue<(GuestBuffer Buffer, byte Mark)> live = [];
        for (int i = 0; i < 2_000; i++)
        {
            GuestBuffer buffer = Memory.Allocate(1);
            buffer.Span[0] = (byte)i;
            live.Enqueue((buffer, (byte)i));
            if (live.Count > 40)
            {
                live.Dequeue().Buffer.Dispose();
            }

            Assert.All(live.Take(2), one => Assert.Equal([one.Mark], _fake.ReadVirtual(one.Buffer.Address, 1)));
        }

        Assert.Equal(live.Count * GuestPage.Size, Memory.LockedBytes);
        foreach ((GuestBuffer buffer, _) in live)
        {
            buffer.Dispose();
        }

        Assert.Equal(0, Memory.LockedBytes);
    }

    [Fact]
    public void A_buffer_as_values_of_a_type_is_seen_by_the_VMM_in_little_endian()
    {
        using GuestBuffer buffer = Memory.Allocate(16);
        buffer.AsSpan<ulong>()[1] = 0x0102_0304_0506_0708;

        Assert.Equal(0x0102_0304_0506_0708ul, MemoryMarshal.Read<ulong>(_fake.ReadVirtual(buffer.Address + 8, 8)));
    }

    [Theory]
    [InlineData(4096, true)]  // one page is contiguous, whoever can see it
    [InlineData(4097, false)]
    public void Contiguity_that_cannot_be_seen_is_not_claimed(int length, bool isGranted)
    {
        FakeGuestMemory memory = new() { HideFrames = true };
        GuestBufferOptions options = new() { Contiguity = Contiguity.Contiguous };
        Assert.Equal(isGranted, memory.TryAllocate(length, options, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(isGranted ? null : GuestMemoryRefusalReason.FramesHidden, refusal?.Reason);

        using GuestBuffer fallback = memory.Allocate(length, new GuestBufferOptions { Contiguity = Contiguity.Contiguous, AllowFallback = true });
        Assert.Equal(isGranted ? Contiguity.Contiguous : Contiguity.Any, fallback.Contiguity);
        Assert.Equal(isGranted, memory.TryOpenWindow(fallback.Memory, options, out GuestBuffer? window, out refusal));
        Assert.Equal(isGranted ? null : GuestMemoryRefusalReason.FramesHidden, refusal?.Reason);
        window?.Dispose();
    }
}
