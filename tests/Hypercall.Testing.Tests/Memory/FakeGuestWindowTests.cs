using System.Buffers;

namespace Hypercall.Testing.Tests;

public sealed class FakeGuestWindowTests
{
    private static readonly GuestBufferOptions Touched = new() { Residency = Residency.Touched };
    private static readonly GuestBufferOptions Locked = new() { Residency = Residency.Locked };
    private static readonly GuestBufferOptions Pinned = new() { Residency = Residency.Pinned };
    private readonly FakeMachine _fake = new();

    private FakeGuestMemory Memory => _fake.Memory;

    [Fact]
    public void The_VMM_reads_and_writes_an_array_through_a_window_and_nothing_of_it_is_zeroed()
    {
        byte[] array = [1, 2, 3, 4, 5, 6];
        GuestBuffer window = Memory.OpenWindow(array.AsMemory(1, 4), Pinned);

        Assert.Equal([2, 3, 4, 5], _fake.ReadVirtual(window.Address, 4));
        Assert.Equal([1, 2], _fake.ReadVirtual(window.Address + -1, 2)); // the rest of the array is the process's memory, too
        Assert.Equal(2, _fake.WriteVirtual(window.Address, [8, 9]));
        window.Dispose();

        Assert.Equal([1, 8, 9, 4, 5, 6], array);
    }

    [Fact]
    public void The_VMM_reads_the_rest_of_the_pages_around_an_array_as_memory_of_the_same_process_and_must_not_write_there()
    {
        using GuestBuffer window = Memory.OpenWindow(new byte[] { 1 }, Pinned);
        GuestVirtualAddress page = window.Address + -window.Address.PageOffset;

        Assert.Equal(1, _fake.ReadVirtual(page, GuestPage.Size)[window.Address.PageOffset]);
        Assert.Equal(1, _fake.WriteVirtual(window.Address, [2]));
        Assert.Equal(2, window.Span[0]);
        _ = OracleAssert.Speaks(FakeOracle.WriteOutside, () => _fake.WriteVirtual(window.Address + -1, [2, 2]));
    }

    [Fact]
    public void Windows_are_usually_not_page_aligned()
    {
        int aligned = 0;
        for (int i = 0; i < 500; i++)
        {
            using GuestBuffer window = Memory.OpenWindow(new byte[1], Touched);
            aligned += window.Address.PageOffset == 0 ? 1 : 0;
        }

        Assert.InRange(aligned, 0, 5);
    }

    [Fact]
    public void An_array_has_one_address_as_long_as_a_window_is_open()
    {
        byte[] array = new byte[3 * GuestPage.Size];
        using GuestBuffer whole = Memory.OpenWindow(array, Touched);
        using GuestBuffer part = Memory.OpenWindow(array.AsMemory(5000, 10), Touched);

        Assert.Equal(whole.Address + 5000, part.Address);
    }

    [Fact]
    public void Locks_of_windows_that_share_pages_end_with_the_last_window()
    {
        byte[] array = new byte[3 * GuestPage.Size];
        GuestBuffer one = Memory.OpenWindow(array.AsMemory(0, 100), Locked);
        GuestBuffer two = Memory.OpenWindow(array.AsMemory(50, 100), Pinned);
        using GuestBuffer observer = Memory.OpenWindow(array.AsMemory(0, 1), Touched);
        Assert.Equal(GuestPage.Size, Memory.LockedBytes);

        _ = Assert.Throws<InvalidOperationException>(() => Memory.MigratePage(observer, 0));
        two.Dispose();
        Memory.MigratePage(observer, 0);
        _ = Assert.Throws<InvalidOperationException>(() => Memory.SwapOut(observer));
        Assert.Equal(GuestPage.Size, Memory.LockedBytes);
        one.Dispose();
        Memory.SwapOut(observer);
        Assert.Equal(0, Memory.LockedBytes);
    }

    [Fact]
    public void When_the_last_window_is_closed_the_VMM_finds_nothing_at_its_address()
    {
        byte[] array = new byte[10];
        GuestBuffer one = Memory.OpenWindow(array, Touched);
        GuestBuffer two = Memory.OpenWindow(array, Touched);
        GuestVirtualAddress address = one.Address;

        one.Dispose();
        Assert.Equal(10, _fake.ReadVirtual(address, 10).Length);
        two.Dispose();
        using GuestBuffer again = Memory.OpenWindow(array, Touched);
        Assert.Equal(10, _fake.ReadVirtual(again.Address, 10).Length);
        _ = OracleAssert.Speaks(FakeOracle.StaleFrame, () => _fake.ReadVirtual(address, 10));
    }

    [Fact]
    public void Memory_of_a_buffer_is_found_where_the_buffer_is()
    {
        using GuestBuffer buffer = Memory.Allocate(2 * GuestPage.Size, Residency.Touched);
        using (GuestBuffer window = Memory.OpenWindow(buffer.AsMemory(100, 10), Pinned))
        {
            Assert.Equal(buffer.Address + 100, window.Address);
            _ = Assert.Throws<InvalidOperationException>(() => Memory.SwapOut(buffer, 0));
            Memory.SwapOut(buffer, 1);
        }

        Memory.SwapOut(buffer, 0);
        Assert.Equal(GuestPageState.Swapped, buffer.States()[0]); // the window is closed; the buffer is not
    }

    [Fact]
    public void A_window_onto_an_address_holds_its_pages_and_frees_nothing()
    {
        using GuestBuffer buffer = Memory.Allocate(3 * GuestPage.Size, Residency.Touched);
        buffer.Span.Fill(1);
        GuestBuffer window = Memory.OpenWindow(buffer.Address + (GuestPage.Size - 1), 2, Pinned);

        Assert.Equal([1, 1], window.Span.ToArray());
        Assert.Equal(2 * GuestPage.Size, Memory.LockedBytes);
        Memory.SwapOut(buffer, 2);
        window.Dispose();

        Assert.Equal(0, Memory.LockedBytes);
        Assert.True(buffer.Span.IndexOfAnyExcept((byte)1) < 0);
    }

    [Fact]
    public void Opening_a_window_touches_its_pages()
    {
        using GuestBuffer buffer = Memory.Allocate(2 * GuestPage.Size, Residency.Touched);
        Memory.SwapOut(buffer);

        using GuestBuffer window = Memory.OpenWindow(buffer.Address + GuestPage.Size, 1, Locked);

        Assert.Equal([GuestPageState.Swapped, GuestPageState.Present], buffer.States());
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 4097)]
    [InlineData(4096, 1)]
    [InlineData(4095, 2)]
    public void A_window_onto_an_address_outside_a_buffer_is_refused_as_not_mapped(int offset, long length)
    {
        using GuestBuffer buffer = Memory.Allocate(GuestPage.Size);

        Assert.False(Memory.TryOpenWindow(buffer.Address + offset, length, Touched, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.NotMapped, refusal.Reason);
    }

    [Fact]
    public void A_window_outlived_by_its_memory_says_so()
    {
        GuestBuffer buffer = Memory.Allocate(10);
        using GuestBuffer window = Memory.OpenWindow(buffer.Address, 10, Pinned);

        buffer.Dispose();

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => window.Memory);
        Assert.Contains("freed", error.Message, StringComparison.Ordinal);
        window.Dispose();
        Assert.Equal(0, Memory.LockedBytes);
    }

    [Fact]
    public void Existing_memory_is_not_moved_to_make_it_contiguous()
    {
        byte[] array = new byte[4 * GuestPage.Size];
        GuestBufferOptions contiguous = new() { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous };

        Assert.False(Memory.TryOpenWindow(array, contiguous, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.NotContiguous, refusal.Reason);
        using GuestBuffer scattered = Memory.OpenWindow(array, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous, AllowFallback = true });
        Assert.Equal(Contiguity.Any, scattered.Contiguity);
        using GuestBuffer run = Memory.Allocate(4 * GuestPage.Size, contiguity: Contiguity.Contiguous);
        using GuestBuffer window = Memory.OpenWindow(run.Address, run.Length, contiguous);
        Assert.Equal(Contiguity.Contiguous, window.Contiguity);
    }

    [Fact]
    public void A_window_that_was_refused_leaves_nothing_behind()
    {
        Memory.LockLimit = 0;
        byte[] array = new byte[10];

        Assert.False(Memory.TryOpenWindow(array, Pinned, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.LockLimit, refusal.Reason);
        Assert.Equal(0, Memory.LockedBytes);
        using GuestBuffer window = Memory.OpenWindow(array, Touched);
        Memory.SwapOut(window);
    }

    [Fact]
    public void Memory_of_a_memory_manager_has_windows_too()
    {
        using Manager manager = new(new byte[100]);
        manager.GetSpan().Fill(4);

        using GuestBuffer window = Memory.OpenWindow(manager.Memory.Slice(10, 20), Touched);

        Assert.Equal([.. Enumerable.Repeat((byte)4, 20)], _fake.ReadVirtual(window.Address, 20));
    }

    [Fact]
    public void The_VMM_writes_across_windows_side_by_side_and_not_across_a_gap()
    {
        byte[] array = new byte[40];
        using GuestBuffer second = Memory.OpenWindow(array.AsMemory(10, 10), Touched);
        using GuestBuffer first = Memory.OpenWindow(array.AsMemory(0, 10), Touched);
        using GuestBuffer away = Memory.OpenWindow(array.AsMemory(21, 10), Touched);

        Assert.Equal(20, _fake.WriteVirtual(first.Address, [.. Enumerable.Repeat((byte)1, 20)]));
        Assert.Equal(10, _fake.WriteVirtual(away.Address, [.. Enumerable.Repeat((byte)1, 10)]));
        _ = OracleAssert.Speaks(FakeOracle.WriteOutside, () => _fake.WriteVirtual(second.Address, new byte[12]));
    }

    [Fact]
    public void Locks_may_reach_the_limit_and_a_page_that_is_held_already_needs_none()
    {
        Memory.LockLimit = 2 * GuestPage.Size;
        byte[] array = new byte[GuestPage.Size];
        using GuestBuffer window = Memory.OpenWindow(array.AsMemory(0, 1), Locked);
        using GuestBuffer again = Memory.OpenWindow(array.AsMemory(0, 2), Pinned);
        using GuestBuffer rest = Memory.Allocate(GuestPage.Size, Residency.Locked);
        Assert.Equal(Memory.LockLimit, Memory.LockedBytes);
        Assert.False(Memory.TryAllocate(1, Locked, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.LockLimit, refusal.Reason);
    }

    [Fact]
    public void There_is_no_window_onto_no_memory() => Assert.Throws<ArgumentException>(() => Memory.OpenWindow(default(Memory<byte>), Touched));

    private sealed class Manager(byte[] bytes) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => bytes;

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin() => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
        }
    }
}
