using Hypercall.Tests.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace Hypercall.Tests.Functions;

public sealed class CallAsyncTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly FakeTimeProvider _time = new();
    private readonly BlockingVmm _vmm = new();
    private readonly RecordingLoggerFactory _loggers = new();
    private readonly TestMeterFactory _meters = new();
    private readonly IHypercallMachine _machine;
    private readonly HypercallFunction _function;

    public CallAsyncTests()
    {
        _machine = _vmm.Machine.WithChannel(_vmm.Machine.Channel.Observe(_loggers, _meters));
        _function = new HypercallFunction(_machine, HypercallConvention.BitVisor, 4, "slow");
    }

    private HypercallTimeoutOptions Options => new() { TimeProvider = _time };

    [Fact]
    public async Task A_call_that_comes_back_in_time_gives_its_result()
    {
        Task<HypercallResult> call = _function.CallAsync([1, 2], Limit, Options);
        _vmm.Entered();
        Assert.False(call.IsCompleted);
        _vmm.LetGo();
        HypercallResult result = await call;
        Assert.Equal((3ul, 4ul), (result.Rax, result.Number)); // 1 + 2
        _time.Advance(Limit * 2); // the timer is gone
        Assert.Empty(_loggers.Lines);
    }

    [Fact]
    public async Task It_runs_on_a_thread_of_its_own()
    {
        Task<HypercallResult> call = _function.CallAsync([], Limit, Options);
        Thread thread = _vmm.Entered();
        Assert.Equal((false, true, "hypercall slow (4)"), (thread.IsThreadPoolThread, thread.IsBackground, thread.Name));
        _vmm.LetGo();
        _ = await call;
    }

    [Fact]
    public async Task A_call_that_does_not_come_back_is_left_behind_and_says_so()
    {
        Task<HypercallResult> call = _function.CallAsync([], Limit, Options);
        _vmm.Entered();
        _time.Advance(Limit - TimeSpan.FromTicks(1));
        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromTicks(1));
        HypercallTimeoutException e = await Assert.ThrowsAsync<HypercallTimeoutException>(() => call);
        Assert.Equal((_function, Limit, 1), (e.Function, e.Timeout, e.LeftBehind));
        Assert.Equal(
            "The call of slow (4) did not come back in 5 s. Its thread stays in the VMM until the VMM lets it go, and its result will be dropped then. "
            + "Calls left behind on this machine: 1.",
            e.Message);
        Assert.Equal(
            "Warning Hypercall.IHypercallChannel: The call of slow (4) is left behind in the VMM after 5 s, with its thread. "
            + "Left behind there: 1.",
            Assert.Single(_loggers.Lines));
        await LetComeBack();
    }

    [Fact]
    public async Task Its_result_is_dropped_counted_and_logged_when_it_comes_back()
    {
        using MeterRecorder recorder = new(_meters.Meter, "hypercall.timeouts", "hypercall.late_returns") { AllThreads = true };
        await TimeOut();
        _time.Advance(Limit);
        await LetComeBack();
        Assert.Equal(["hypercall.timeouts 1 hypercall.function=slow", "hypercall.late_returns 1 hypercall.function=slow"], recorder.Seen);
        Assert.Equal(
            "Information Hypercall.IHypercallChannel: The call of slow (4) that was left behind came back after 10 s: completed. Its result was dropped.", _loggers.Lines[^1]);
    }

    [Fact]
    public async Task What_a_late_call_threw_is_dropped_too()
    {
        _vmm.Fault = true;
        await TimeOut();
        await LetComeBack();
        Assert.EndsWith("came back after 5 s: HypercallFaultException. Its result was dropped.", _loggers.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Further_calls_are_refused_until_it_comes_back()
    {
        await TimeOut();
        HypercallFunction other = new(_machine, HypercallConvention.BitVisor, 5, "other");
        foreach (HypercallFunction function in (HypercallFunction[])[_function, other]) // one VMM
        {
            HypercallLeftBehindException e = await Assert.ThrowsAsync<HypercallLeftBehindException>(() => function.CallAsync([], Limit, Options));
            Assert.Equal((function, 1), (e.Function, e.LeftBehind));
        }

        Assert.Equal(1, _vmm.Calls);
        await LetComeBack();
        Task<HypercallResult> call = _function.CallAsync([], Limit, Options);
        _vmm.Entered();
        _vmm.LetGo();
        _ = await call;
    }

    [Fact]
    public async Task As_many_may_be_left_behind_as_the_options_allow()
    {
        HypercallTimeoutOptions two = new() { TimeProvider = _time, MaxLeftBehind = 2 };
        await TimeOut(two);
        HypercallTimeoutException second = await TimeOut(two);
        Assert.Equal(2, second.LeftBehind);
        HypercallLeftBehindException e = await Assert.ThrowsAsync<HypercallLeftBehindException>(() => _function.CallAsync([], Limit, two));
        Assert.StartsWith(
            "slow (4) was not called: 2 earlier calls on this machine did not come back from the VMM, and 2 may be left behind. ", e.Message, StringComparison.Ordinal);
        await LetComeBack(2);
    }

    [Fact]
    public async Task Calls_of_another_machine_are_not_refused()
    {
        await TimeOut();
        using BlockingVmm other = new();
        Task<HypercallResult> call = new HypercallFunction(other.Machine, HypercallConvention.BitVisor, 4).CallAsync([], Limit, Options);
        other.Entered();
        other.LetGo();
        _ = await call;
        await LetComeBack();
    }

    [Fact]
    public async Task Calls_in_flight_that_are_not_late_refuse_nothing()
    {
        Task<HypercallResult>[] calls = [.. Enumerable.Range(0, 3).Select(_ => _function.CallAsync([], Limit, Options))];
        Array.ForEach(calls, _ => _vmm.Entered());
        Array.ForEach(calls, _ => _vmm.LetGo());
        Assert.Equal(3, (await Task.WhenAll(calls)).Length);
    }

    [Fact]
    public async Task Its_buffers_cannot_be_disposed_until_it_comes_back()
    {
        GuestBuffer buffer = _machine.Memory.Allocate(4096, Residency.Touched);
        HypercallTimeoutException e = await TimeOut(new() { TimeProvider = _time, Buffers = [buffer] });
        Assert.Contains("until then its buffer cannot be disposed, and must not be written to", e.Message, StringComparison.Ordinal);
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(buffer.Dispose);
        Assert.Contains("'the call of slow (4)'", refused.Message, StringComparison.Ordinal);
        Assert.False(e.CameBack.IsCompleted);
        _vmm.LetGo();
        await e.CameBack;
        buffer.Dispose();
        Assert.Equal(1, _vmm.Machine.Released);
    }

    [Fact]
    public async Task When_the_result_is_there_its_buffers_are_free()
    {
        GuestBuffer buffer = _machine.Memory.Allocate(4096, Residency.Touched);
        Task<HypercallResult> call = _function.CallAsync([buffer.Address.Value], Limit, new() { TimeProvider = _time, Buffers = [buffer] });
        _vmm.Entered();
        _vmm.LetGo();
        _ = await call;
        buffer.Dispose();
    }

    [Fact]
    public void A_disposed_buffer_is_refused_and_the_others_are_free_again()
    {
        GuestBuffer kept = _machine.Memory.Allocate(4096, Residency.Touched);
        GuestBuffer gone = _machine.Memory.Allocate(4096, Residency.Touched);
        gone.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { _ = _function.CallAsync([], Limit, new() { TimeProvider = _time, Buffers = [kept, gone] }); });
        kept.Dispose();
        Assert.Equal(0, _vmm.Calls);
    }

    [Fact]
    public async Task A_call_that_is_cancelled_is_left_behind_and_says_so()
    {
        using CancellationTokenSource source = new();
        Task<HypercallResult> call = _function.CallAsync([], Limit, Options, source.Token);
        _vmm.Entered();
        await source.CancelAsync();
        OperationCanceledException e = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.Equal((source.Token, TaskStatus.Canceled), (e.CancellationToken, call.Status));
        Assert.StartsWith("The wait for the call of slow (4) was cancelled. Its thread stays in the VMM", e.Message, StringComparison.Ordinal);
        _ = await Assert.ThrowsAsync<HypercallLeftBehindException>(() => _function.CallAsync([], Limit, Options));
        await LetComeBack();
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_calls_nothing()
    {
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _function.CallAsync([], Limit, Options, new CancellationToken(canceled: true)));
        Assert.Equal(0, _vmm.Calls);
    }

    [Fact]
    public async Task A_fault_is_the_usual_exception()
    {
        _vmm.Fault = true;
        Task<HypercallResult> call = _function.CallAsync([], Limit, Options);
        _vmm.Entered();
        _vmm.LetGo();
        _ = await Assert.ThrowsAsync<HypercallFaultException>(() => call);
    }

    [Fact]
    public async Task Without_a_timeout_it_waits_as_long_as_it_takes()
    {
        Task<HypercallResult> call = _function.CallAsync([], Timeout.InfiniteTimeSpan, Options);
        _vmm.Entered();
        _time.Advance(TimeSpan.FromDays(100));
        Assert.False(call.IsCompleted);
        _vmm.LetGo();
        _ = await call;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-2)]
    [InlineData(4294967295)]
    public void A_timeout_that_cannot_be_is_refused(double milliseconds) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = _function.CallAsync([], TimeSpan.FromMilliseconds(milliseconds)); });

    [Fact]
    public void Words_that_do_not_fit_are_refused_before_a_thread_is_made()
    {
        Assert.Throws<ArgumentException>(() => { _ = _function.CallAsync([1, 2, 3, 4, 5, 6, 7], Limit); });
        Assert.Equal(0, _vmm.Calls);
    }

    [Fact]
    public void None_left_behind_at_all_cannot_be_asked_for() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => { _ = _function.CallAsync([], Limit, new() { MaxLeftBehind = 0 }); });

    public void Dispose()
    {
        _vmm.Dispose();
        _meters.Dispose();
    }

    private async Task<HypercallTimeoutException> TimeOut(HypercallTimeoutOptions? options = null)
    {
        Task<HypercallResult> call = _function.CallAsync([], Limit, options ?? Options);
        _vmm.Entered();
        _time.Advance(Limit);
        return await Assert.ThrowsAsync<HypercallTimeoutException>(() => call);
    }

    private async Task LetComeBack(int calls = 1)
    {
        Thread[] threads = [.. _vmm.Inside];
        for (int i = 0; i < calls; i++)
        {
            _vmm.LetGo();
        }

        await Task.Run(() => Array.ForEach(threads, thread => Assert.True(thread.Join(LastResort.Bound))));
    }

    /// <summary>A VMM that keeps each call until the test lets one go.</summary>
    private sealed class BlockingVmm : IDisposable
    {
        private readonly SemaphoreSlim _entered = new(0);
        private readonly SemaphoreSlim _mayGo = new(0);
        private readonly System.Collections.Concurrent.ConcurrentQueue<Thread> _threads = new();

        public BlockingVmm() => Machine = new ScriptedMachine
        {
            OnInvoke = (ref registers) =>
            {
                _threads.Enqueue(Thread.CurrentThread);
                _ = _entered.Release();
                Assert.True(_mayGo.Wait(LastResort.Bound));
                registers.Rax = registers.Rbx + registers.Rcx;
                return Fault ? HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode)) : HypercallStatus.Completed;
            },
        };

        public ScriptedMachine Machine { get; }

        public bool Fault { get; set; }

        public int Calls => _threads.Count;

        public IEnumerable<Thread> Inside => _threads;

        /// <summary>Waits until a call is in the VMM, and gives its thread.</summary>
        public Thread Entered()
        {
            Assert.True(_entered.Wait(LastResort.Bound));
            return _threads.Last();
        }

        public void LetGo() => _mayGo.Release();

        public void Dispose()
        {
            _entered.Dispose();
            _mayGo.Dispose();
        }
    }
}
