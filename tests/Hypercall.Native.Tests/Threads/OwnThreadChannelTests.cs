using System.Runtime.CompilerServices;
using FsCheck.Xunit;

namespace Hypercall.Native.Tests.Threads;

public sealed class OwnThreadChannelTests
{
    [Property(Arbitrary = [typeof(RegisterFrames)], MaxTest = 200)]
    public void A_frame_arrives_as_it_was_sent_and_comes_back_as_it_was_left(HypercallRegisters sent, HypercallRegisters left)
    {
        HypercallRegisters arrived = default;
        using OwnThreadChannel channel = new("test", new ExchangingChannel(frame => arrived = frame, left));
        HypercallRegisters registers = sent;

        Assert.True(channel.TryInvoke(ref registers).IsCompleted);

        Assert.Equal(sent, arrived);
        Assert.Equal(left, registers);
    }

    [Property(Arbitrary = [typeof(RegisterFrames)], MaxTest = 100)]
    public void A_stub_that_does_nothing_gives_back_the_frame(HypercallRegisters sent)
    {
        using OwnThreadChannel channel = new("test", TestTarget.Channel(TestTarget.Nop));
        HypercallRegisters registers = sent;

        Assert.True(channel.TryInvoke(ref registers).IsCompleted);

        Assert.Equal(sent, registers);
    }

    [Fact]
    public void Any_number_of_callers_go_one_at_a_time_and_get_their_own_answers()
    {
        const int Callers = 8;
        const int Each = 200;
        int inside = 0;
        int overlaps = 0;
        CountingChannel inner = new()
        {
            During = () =>
            {
                overlaps += Interlocked.Increment(ref inside) == 1 ? 0 : 1;
                _ = Interlocked.Decrement(ref inside);
                return HypercallStatus.Completed;
            },
        };
        using OwnThreadChannel channel = new("test", inner);
        int wrong = 0;
        Thread[] callers = [.. Enumerable.Range(0, Callers).Select(caller => new Thread(() =>
        {
            for (int i = 0; i < Each; i++)
            {
                ulong word = ((ulong)caller << 32) | (uint)i;
                HypercallRegisters registers = new() { Rax = word, Rbx = ~word };
                if (!channel.TryInvoke(ref registers).IsCompleted || registers.Rax != word + 1 || registers.Rbx != ~word)
                {
                    _ = Interlocked.Increment(ref wrong);
                }
            }
        }))];
        Array.ForEach(callers, thread => thread.Start());
        Array.ForEach(callers, thread => Assert.True(thread.Join(LastResort.Bound)));

        Assert.Equal((0, 0, Callers * Each), (wrong, overlaps, inner.Calls));
    }

    [Fact]
    public void Many_frames_go_over_at_once_and_stop_at_the_first_that_does_not_complete()
    {
        CountingChannel inner = new();
        ChannelRefusal refusal = new("test", "it said no", "Ask again.");
        inner.During = () => inner.Calls == 3 ? HypercallStatus.Refused(refusal) : HypercallStatus.Completed;
        using OwnThreadChannel channel = new("test", inner);
        HypercallRegisters[] frames = new HypercallRegisters[5];

        HypercallStatus status = channel.TryInvokeAll(frames, out int completed);

        Assert.Same(refusal, status.Refusal);
        Assert.Equal(2, completed);
        Assert.Equal([1ul, 1, 0, 0, 0], frames.Select(frame => frame.Rax));
        Assert.True(channel.TryInvokeAll([], out completed).IsCompleted);
        Assert.Equal((0, 3), (completed, inner.Calls));
    }

    [Fact]
    public void A_call_allocates_nothing_on_either_thread()
    {
        const int Warm = 100;
        long before = 0;
        long after = 0;
        CountingChannel inner = new();
        HypercallStatus Measure()
        {
            after = GC.GetAllocatedBytesForCurrentThread();
            before = inner.Calls == Warm ? after : before;
            return HypercallStatus.Completed;
        }

        inner.During = Measure;
        using OwnThreadChannel channel = new("test", inner);
        HypercallRegisters registers = default;
        long callers = 0;
        for (int i = 0; i < 1000; i++)
        {
            callers = i == Warm ? GC.GetAllocatedBytesForCurrentThread() : callers;
            _ = channel.TryInvoke(ref registers);
        }

        Assert.Equal((0, 0), (GC.GetAllocatedBytesForCurrentThread() - callers, after - before));
    }

    [Fact]
    public void What_the_channel_throws_comes_to_the_caller_and_the_thread_goes_on()
    {
        CountingChannel inner = new() { During = () => throw new PlatformNotSupportedException("no guard") };
        using OwnThreadChannel channel = new("test", inner);

        Assert.Equal("no guard", Assert.Throws<PlatformNotSupportedException>(() => Call(channel)).Message);
        int thread = inner.LastThread;
        inner.During = null;

        Assert.True(Call(channel).IsCompleted);
        Assert.Equal(thread, inner.LastThread);
    }

    [Fact]
    public void After_Dispose_the_thread_is_gone_and_a_call_says_so()
    {
        CountingChannel inner = new();
        Term term = new();
        OwnThreadChannel channel = new("test", inner, term);
        Assert.True(Call(channel).IsCompleted);
        Thread thread = inner.Thread!;
        Assert.True(thread.IsAlive && thread.IsBackground);

        channel.Dispose();

        Assert.False(thread.IsAlive);
        Assert.Equal([thread], term.EndedOn);
        Assert.True(inner.IsDisposed);
        _ = Assert.Throws<ObjectDisposedException>(() => Call(channel));
        Assert.Equal(1, inner.Calls);
        channel.Dispose();
    }

    [Fact]
    public void Dispose_during_a_call_does_not_wait_and_the_call_returns_to_its_caller()
    {
        using ManualResetEventSlim isInside = new();
        using ManualResetEventSlim mayLeave = new();
        CountingChannel inner = Held(isInside, mayLeave);
        Term term = new();
        OwnThreadChannel channel = new("test", inner, term);
        HypercallStatus status = default;
        Thread caller = new(() => status = Call(channel));
        caller.Start();
        Assert.True(isInside.Wait(LastResort.Bound));

        channel.Dispose();

        Assert.Empty(term.EndedOn);
        _ = Assert.Throws<ObjectDisposedException>(() =>
        {
            mayLeave.Set();
            return Call(channel);
        });
        Assert.True(caller.Join(LastResort.Bound));
        Assert.True(status.IsCompleted);
        Assert.True(inner.Thread!.Join(LastResort.Bound));
        Assert.Equal([inner.Thread!], term.EndedOn);
    }

    [Fact]
    public void A_caller_that_is_interrupted_waits_for_its_frame_and_is_interrupted_then()
    {
        using ManualResetEventSlim isInside = new();
        using ManualResetEventSlim mayLeave = new();
        CountingChannel inner = Held(isInside, mayLeave);
        using OwnThreadChannel channel = new("test", inner);
        ulong answer = 0;
        bool isInterrupted = false;
        Thread caller = new(() =>
        {
            HypercallRegisters registers = new() { Rax = 41 };
            _ = channel.TryInvoke(ref registers);
            answer = registers.Rax;
            try
            {
                Thread.Sleep(Timeout.Infinite);
            }
            catch (ThreadInterruptedException)
            {
                isInterrupted = true;
            }
        })
        {
            IsBackground = true,
        };
        caller.Start();
        Assert.True(isInside.Wait(LastResort.Bound));
        caller.Interrupt();
        mayLeave.Set();

        Assert.True(caller.Join(LastResort.Bound));
        Assert.Equal((42ul, true), (answer, isInterrupted));
    }

    [Fact]
    public void A_channel_that_nobody_disposed_ends_its_thread_when_it_is_collected()
    {
        Term term = new();
        Forget(term);
        for (int i = 0; i < 10 && !term.Ended.IsSet; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.True(term.Ended.Wait(LastResort.Bound));
    }

    [Fact]
    public void One_thread_has_all_that_is_asked_for()
    {
        CountingChannel inner = new();
        Term permission = new();
        Term cpu = new();
        using OwnThreadChannel channel = OwnThreadChannel.With(new OwnThreadChannel("first", inner, permission), "second", cpu);

        Assert.True(Call(channel).IsCompleted);

        Assert.Equal([inner.Thread!], permission.MetOn);
        Assert.Equal([inner.Thread!], cpu.MetOn);
        Assert.Equal("first, second", inner.Thread!.Name);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(Term term) => Call(new OwnThreadChannel("test", new CountingChannel(), term));

    // A VMM that keeps a call until it may leave.
    private static CountingChannel Held(ManualResetEventSlim isInside, ManualResetEventSlim mayLeave) => new()
    {
        During = () =>
        {
            isInside.Set();
            Assert.True(mayLeave.Wait(LastResort.Bound));
            return HypercallStatus.Completed;
        },
    };

    private static HypercallStatus Call(OwnThreadChannel channel)
    {
        HypercallRegisters registers = default;
        return channel.TryInvoke(ref registers);
    }

    private sealed class Term : IThreadTerm
    {
        public ManualResetEventSlim Ended { get; } = new();

        public HashSet<Thread> MetOn { get; } = [];

        public List<Thread> EndedOn { get; } = [];

        public ChannelRefusal? Meet()
        {
            _ = MetOn.Add(Thread.CurrentThread);
            return null;
        }

        public void End()
        {
            EndedOn.Add(Thread.CurrentThread);
            Ended.Set();
        }
    }

    private sealed class ExchangingChannel(Action<HypercallRegisters> arrive, HypercallRegisters left) : IHypercallChannel
    {
        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            arrive(registers);
            registers = left;
            return HypercallStatus.Completed;
        }
    }
}
