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
        _ = Assert.Throws<ObjectDisposedException>(() => buffer.Slice(0, 1));
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
            Assert.True(SpinWait.SpinUntil(() => buffer.IsDisposed, TimeSpan.FromSeconds(30)));
            Assert.Equal(0, _machine.Released);
        }

        await disposing.WaitAsync(TimeSpan.FromSeconds(30));
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

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 11)]
    [InlineData(10, 1)]
    [InlineData(11, 0)]
    [InlineData(long.MaxValue, 1)]
    public void A_slice_outside_the_buffer_is_refused(long offset, int length)
    {
        using GuestBuffer buffer = _machine.Allocate(10);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Slice(offset, length));
    }

    [Fact]
    public void Typed_spans_leave_out_what_does_not_fill_a_value()
    {
        using GuestBuffer buffer = _machine.Allocate(10);
        Assert.Equal(2, buffer.AsSpan<int>().Length);
    }
}
