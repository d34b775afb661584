using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Tests.Memory;

public class GuestBufferLeaseTests
{
    private readonly ScriptedMachine _machine = ScriptedMachine.Answering();

    [Fact]
    public void A_leased_buffer_refuses_to_be_disposed_and_says_who_holds_it()
    {
        GuestBuffer buffer = _machine.Allocate(10);
        using (GuestBufferLease lease = buffer.Lease("log ring"))
        {
            Assert.Equal("log ring", lease.Holder);
            Assert.Contains("log ring", Assert.Throws<InvalidOperationException>(buffer.Dispose).Message, StringComparison.Ordinal);
            Assert.False(buffer.IsDisposed);
        }

        buffer.Dispose();
        Assert.Equal(1, _machine.Released);
    }

    [Fact]
    public void Ending_a_lease_twice_ends_it_once()
    {
        GuestBuffer buffer = _machine.Allocate(10);
        GuestBufferLease one = buffer.Lease("one");
        using GuestBufferLease other = buffer.Lease("other");
        one.Dispose();
        one.Dispose();
        Assert.True(buffer.IsLeased);
    }

    [Fact]
    public void A_disposed_buffer_is_released_once_and_throws_on_use()
    {
        GuestBuffer buffer = _machine.Allocate(10);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Equal(1, _machine.Released);
        _ = Assert.Throws<ObjectDisposedException>(() => buffer.Memory);
        _ = Assert.Throws<ObjectDisposedException>(() => buffer.AsMemory(0, 1));
        _ = Assert.Throws<ObjectDisposedException>(buffer.Touch);
        _ = Assert.Throws<ObjectDisposedException>(() => buffer.Lease("late"));
        _ = Assert.Throws<ObjectDisposedException>(() => { using GuestBuffer.InFlight call = buffer.EnterCall(); });
    }

    [Fact]
    public async Task Dispose_waits_for_a_call_in_flight_on_another_thread()
    {
        GuestBuffer buffer = _machine.Allocate(10);
        Task disposing;
        using (buffer.EnterCall())
        {
            disposing = Task.Factory.StartNew(buffer.Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Assert.True(SpinWait.SpinUntil(() => buffer.IsDisposed, LastResort.Bound));
            Assert.Equal(0, _machine.Released);
        }

        await disposing.WaitAsync(LastResort.Bound);
        Assert.Equal(1, _machine.Released);
    }

    [Fact]
    public void Dispose_inside_a_call_on_the_same_thread_is_refused_rather_than_waited_for()
    {
        GuestBuffer buffer = _machine.Allocate(10);
        using (buffer.EnterCall())
        {
            _ = Assert.Throws<InvalidOperationException>(buffer.Dispose);
        }

        buffer.Dispose();
    }

    [Fact]
    public void A_dispose_that_is_interrupted_while_it_waits_can_be_done_again()
    {
        GuestBuffer buffer = _machine.Allocate(10);
        Exception? thrown = null;
        Thread disposing = new(() => thrown = Record.Exception(buffer.Dispose));
        using (buffer.EnterCall())
        {
            disposing.Start();
            Assert.True(SpinWait.SpinUntil(() => buffer.IsDisposed, LastResort.Bound));
            disposing.Interrupt();
            Assert.True(disposing.Join(LastResort.Bound));
        }

        _ = Assert.IsType<ThreadInterruptedException>(thrown);
        Assert.Equal((false, 0), (buffer.IsDisposed, _machine.Released));
        buffer.Dispose();
        Assert.Equal(1, _machine.Released);
    }

    [Fact]
    public void Memory_that_is_not_pinned_is_leased_only_to_those_who_accept_the_risk()
    {
        _machine.Grants = Residency.Locked;
        using GuestBuffer buffer = _machine.Allocate(10);
        Assert.Equal(GuestMemoryRefusalReason.NotPinned, Assert.Throws<GuestMemoryException>(() => buffer.Lease("ring")).Refusal.Reason);
        using GuestBufferLease lease = buffer.Lease("ring", acceptMemoryCorruptionIfPagesMove: true);
    }

    [Fact]
    public void A_finalizer_may_release_only_what_nobody_holds()
    {
        using ScriptedMachine.Buffer buffer = (ScriptedMachine.Buffer)_machine.Allocate(10);
        Assert.True(buffer.MayBeReleasedByItsFinalizer);
        using (buffer.Lease("ring"))
        {
            Assert.False(buffer.MayBeReleasedByItsFinalizer);
        }

        using (buffer.EnterCall())
        {
            Assert.False(buffer.MayBeReleasedByItsFinalizer);
        }
    }

    [Fact]
    public void A_part_is_touched_and_no_more()
    {
        using GuestBuffer buffer = _machine.Allocate(100);
        buffer.Touch(10, 20);
        Assert.Equal((10L, 20L), _machine.LastTouched);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Touch(90, 11));
    }

    [Fact]
    public void Whoever_holds_a_lease_is_listed()
    {
        using GuestBuffer buffer = _machine.Allocate(10);
        using (GuestBufferLease ring = buffer.Lease("ring"))
        {
            Assert.Same(ring, Assert.Single(buffer.Leases));
        }

        Assert.Empty(buffer.Leases);
    }

    [Theory]
    [InlineData(-1, 1, "offset")]
    [InlineData(0, -1, "length")]
    [InlineData(0, 11, "length")]
    [InlineData(10, 1, "length")]
    [InlineData(11, 0, "offset")]
    [InlineData(long.MaxValue, 1, "offset")]
    public void A_slice_outside_the_buffer_is_refused(long offset, int length, string parameter)
    {
        using GuestBuffer buffer = _machine.Allocate(10);
        Assert.Equal(parameter, Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsMemory(offset, length)).ParamName);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_buffer_has_some_bytes(int length) =>
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => new HugeBuffer(length)).ParamName);

    [Fact]
    public void A_buffer_that_no_span_can_hold_is_taken_in_parts()
    {
        using HugeBuffer buffer = new(1L + int.MaxValue);
        Assert.Contains("AsMemory", Assert.Throws<InvalidOperationException>(() => buffer.Memory).Message, StringComparison.Ordinal);
        Assert.Equal(0, buffer.AsMemory(buffer.Length, 0).Length);
    }

    /// <summary>As long as it is told, with no byte to back it.</summary>
    private sealed class HugeBuffer(long length) : GuestBuffer(new GuestVirtualAddress(0x1000), length, Residency.Pinned, Contiguity.Any)
    {
        protected override Memory<byte> GetMemory(long offset, int length) => default;

        protected override void TouchPages(long offset, long length)
        {
        }

        protected override bool TryQueryPagesCore([NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
            throw new NotSupportedException();

        protected override void Release()
        {
        }
    }

    [Fact]
    public void Typed_spans_leave_out_what_does_not_fill_a_value()
    {
        using GuestBuffer buffer = _machine.Allocate(10);
        Assert.Equal(2, buffer.AsSpan<int>().Length);
    }
}
