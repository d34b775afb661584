using System.Diagnostics.CodeAnalysis;
using Hypercall.Testing;

namespace Hypercall.Tests.Memory;

/// <summary>Several threads that dispose, and calls in flight between them.</summary>
public class GuestBufferDisposeTests
{
    [Fact]
    public void A_second_dispose_returns_when_the_memory_is_released_and_not_before()
    {
        using ManualResetEventSlim mayRelease = new();
        SomeBuffer buffer = new() { OnRelease = () => Assert.True(mayRelease.Wait(LastResort.Bound)) };
        using DisposeWorker first = new();
        using DisposeWorker second = new();
        using (buffer.EnterCall())
        {
            first.Start(buffer.Dispose);
            first.AwaitDoneOrWaiting();
            second.Start(buffer.Dispose);
            second.AwaitDoneOrWaiting();
            Assert.False(second.IsDone, "Released while a call was in flight.");
        }

        Assert.False(second.IsDone, "Released while the first was at it.");
        mayRelease.Set();
        Assert.Null(first.Result());
        Assert.Null(second.Result());
        Assert.Equal(1, buffer.Releases);
    }

    [Fact]
    public void A_second_dispose_inside_a_call_is_refused_like_a_first_one()
    {
        SomeBuffer buffer = new();
        using DisposeWorker other = new();
        using (buffer.EnterCall())
        {
            other.Start(buffer.Dispose);
            other.AwaitDoneOrWaiting();
            Assert.Contains("on this thread", Assert.Throws<InvalidOperationException>(buffer.Dispose).Message, StringComparison.Ordinal);
        }

        Assert.Null(other.Result());
        Assert.Equal(1, buffer.Releases);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Of_threads_that_dispose_each_others_buffer_in_a_circle_the_last_is_refused(int count)
    {
        SomeBuffer[] buffers = [.. Enumerable.Range(0, count).Select(_ => new SomeBuffer())];
        DisposeWorker[] workers = [.. Enumerable.Range(0, count).Select(_ => new DisposeWorker())];
        for (int i = 0; i < count; i++)
        {
            workers[i].Enter(buffers[i]);
        }

        for (int i = 0; i < count; i++)
        {
            workers[i].Start(buffers[(i + 1) % count].Dispose);
            workers[i].AwaitDoneOrWaiting();
        }

        Assert.Contains("never end", Assert.IsType<InvalidOperationException>(workers[^1].Result()).Message, StringComparison.Ordinal);
        Assert.False(buffers[0].IsDisposed);
        workers[^1].End(); // its own call, which the others wait for, one behind the other
        for (int i = count - 2; i >= 0; i--)
        {
            Assert.Null(workers[i].Result());
            workers[i].End();
        }

        Assert.Equal([0, .. Enumerable.Repeat(1, count - 1)], buffers.Select(buffer => buffer.Releases));
        Array.ForEach(workers, worker => worker.Dispose());
    }

    [Fact]
    public void Buffers_of_the_fake_machine_refuse_a_circle_too()
    {
        IGuestMemory memory = new FakeMachine().Memory;
        GuestBuffer first = memory.Allocate(4096);
        GuestBuffer second = memory.Allocate(4096);
        using DisposeWorker one = new();
        using DisposeWorker other = new();
        Assert.Null(one.Enter(first));
        Assert.Null(other.Enter(second));
        one.Start(second.Dispose);
        one.AwaitDoneOrWaiting();
        other.Start(first.Dispose);
        _ = Assert.IsType<InvalidOperationException>(other.Result());
        other.End();
        Assert.Null(one.Result());
        one.End();
        first.Dispose();
    }

    [Fact]
    public void Who_waits_behind_an_interrupted_dispose_takes_its_place()
    {
        SomeBuffer buffer = new();
        using DisposeWorker first = new();
        using DisposeWorker second = new();
        using (buffer.EnterCall())
        {
            first.Start(buffer.Dispose);
            first.AwaitDoneOrWaiting();
            second.Start(buffer.Dispose);
            second.AwaitDoneOrWaiting();
            first.Interrupt();
            _ = Assert.IsType<ThreadInterruptedException>(first.Result());
            Assert.Equal(0, buffer.Releases);
        }

        Assert.Null(second.Result());
        Assert.Equal(1, buffer.Releases);
    }

    [Fact]
    public void A_release_that_comes_back_to_dispose_does_not_wait_for_itself()
    {
        SomeBuffer buffer = new();
        buffer.OnRelease = buffer.Dispose;
        buffer.Dispose();
        Assert.Equal(1, buffer.Releases);
    }

    [Fact]
    public void A_release_that_fails_lets_go_of_who_waited_for_it()
    {
        using ManualResetEventSlim mayRelease = new();
        SomeBuffer buffer = new()
        {
            OnRelease = () =>
            {
                Assert.True(mayRelease.Wait(LastResort.Bound));
                throw new NotSupportedException("a MemoryManager of the program's");
            },
        };
        using DisposeWorker first = new();
        using DisposeWorker second = new();
        first.Start(buffer.Dispose);
        Assert.True(SpinWait.SpinUntil(() => buffer.IsDisposed, LastResort.Bound));
        second.Start(buffer.Dispose);
        second.AwaitDoneOrWaiting();
        mayRelease.Set();
        _ = Assert.IsType<NotSupportedException>(first.Result());
        Assert.Null(second.Result());
    }

    [Fact]
    public void Calls_of_a_thread_that_is_interrupted_again_and_again_end_all_the_same()
    {
        SomeBuffer buffer = new();
        bool stop = false;
        using DisposeWorker caller = new();
        using DisposeWorker crowd = new();
        crowd.Start(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                _ = buffer.IsLeased; // holds the buffer's gate for a moment
            }
        });
        caller.Start(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                try
                {
                    using (buffer.EnterCall())
                    {
                    }
                }
                catch (ThreadInterruptedException)
                {
                }
            }
        });
        for (int i = 0; i < 20_000; i++)
        {
            caller.Interrupt();
        }

        Volatile.Write(ref stop, true);
        Assert.True(caller.Result() is null or ThreadInterruptedException);
        Assert.Null(crowd.Result());
        Assert.False(buffer.IsLeased);
    }

    /// <summary>No memory, but a count of releases.</summary>
    internal sealed class SomeBuffer() : GuestBuffer(new GuestVirtualAddress(0x1000), 4096, Residency.Pinned, Contiguity.Any)
    {
        private int _releases;

        public int Releases => Volatile.Read(ref _releases);

        public Action? OnRelease { get; set; }

        protected override Memory<byte> GetMemory(long offset, int length) => default;

        protected override void TouchPages(long offset, long length)
        {
        }

        protected override bool TryQueryPagesCore([NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
            throw new NotSupportedException();

        protected override void Release()
        {
            _ = Interlocked.Increment(ref _releases);
            OnRelease?.Invoke();
        }
    }
}
