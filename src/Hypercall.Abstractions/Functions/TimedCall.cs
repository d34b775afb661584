namespace Hypercall;

/// <summary>One call on a thread of its own, which whoever waits for it may leave behind.</summary>
/// <remarks>
/// <code>
///               the call returns          -> CameBack      its result completes the task
/// InFlight --+
///               timeout, cancellation     -> LeftBehind    the task fails; the call returns later or never, for nobody
/// </code>
/// The leases end when the call returns, in both cases.
/// </remarks>
internal sealed class TimedCall
{
    private readonly HypercallFunction _function;
    private readonly ulong[] _words;
    private readonly TimeSpan _timeout;
    private readonly HypercallTimeoutOptions _options;
    private readonly CallsLeftBehind _leftBehind;
    private readonly CancellationToken _cancellation;
    private readonly List<GuestBufferLease> _leases = [];
    private readonly TaskCompletionSource<HypercallResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cameBack = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private State _state;
    private long _began;
    private ITimer? _timer;
    private CancellationTokenRegistration _registration;

    public TimedCall(
        HypercallFunction function,
        ulong[] words,
        TimeSpan timeout,
        HypercallTimeoutOptions options,
        CallsLeftBehind leftBehind,
        CancellationToken cancellation)
    {
        _function = function;
        _words = words;
        _timeout = timeout;
        _options = options;
        _leftBehind = leftBehind;
        _cancellation = cancellation;
    }

    private enum State
    {
        InFlight,
        CameBack,
        LeftBehind,
    }

    private TimeSpan Elapsed => _options.TimeProvider.GetElapsedTime(_began);

    /// <summary>Starts the thread.</summary>
    /// <returns>What comes of the call.</returns>
    public Task<HypercallResult> Start()
    {
        Thread thread = new(Run) { IsBackground = true, Name = $"hypercall {_function}" };
        try
        {
            foreach (GuestBuffer buffer in _options.Buffers)
            {
                _leases.Add(buffer.LeaseForCall($"the call of {_function}"));
            }

            _began = _options.TimeProvider.GetTimestamp();
            thread.Start();
        }
        catch
        {
            EndLeases();
            throw;
        }

        ITimer timer = _options.TimeProvider.CreateTimer(
            static call => ((TimedCall)call!).TimeOut(), this, WholeMilliseconds(_timeout), Timeout.InfiniteTimeSpan);
        CancellationTokenRegistration registration =
            _cancellation.UnsafeRegister(static call => ((TimedCall)call!).Cancel(), this);
        lock (_gate)
        {
            (_timer, _registration) = (timer, registration);
            if (_state == State.InFlight)
            {
                return _answer.Task;
            }
        }

        StopWaiting(); // it ended before there was anything to stop
        return _answer.Task;
    }

    // A timer drops what is less than one: 0.5 ms would be none.
    private static TimeSpan WholeMilliseconds(TimeSpan time) =>
        time == Timeout.InfiniteTimeSpan ? time : TimeSpan.FromMilliseconds(Math.Ceiling(time.TotalMilliseconds));

    private void Run()
    {
        HypercallResult result = default;
        Exception? error = null;
        try
        {
            result = _function.Call(_words);
        }
        catch (Exception e) // all of it is the answer, and belongs to who waits
        {
            error = e;
        }

        EndLeases();
        bool isLate;
        lock (_gate)
        {
            isLate = _state == State.LeftBehind;
            _state = isLate ? _state : State.CameBack;
        }

        if (isLate)
        {
            _leftBehind.Remove();
            _cameBack.SetResult();
            Tell(observed => observed.CameBackLate(_function.ToString(), Elapsed, error?.GetType().Name ?? "completed"));
            return;
        }

        StopWaiting();
        _ = error is null ? _answer.TrySetResult(result) : _answer.TrySetException(error);
    }

    private void TimeOut() => Leave(leftBehind =>
        new HypercallTimeoutException(_function, _timeout, leftBehind, _options.Buffers.Count, _cameBack.Task));

    private void Cancel() => Leave(leftBehind => new OperationCanceledException(
        $"The wait for the call of {_function} was cancelled. "
        + HypercallTimeoutException.Remains(leftBehind, _options.Buffers.Count),
        _cancellation));

    private void Leave(Func<int, Exception> error)
    {
        int leftBehind;
        lock (_gate)
        {
            if (_state != State.InFlight)
            {
                return;
            }

            _state = State.LeftBehind;
            leftBehind = _leftBehind.Add(); // before the thread can take it away again
        }

        StopWaiting();
        _ = _answer.TrySetException(error(leftBehind));
        Tell(observed => observed.LeftBehind(_function.ToString(), Elapsed, leftBehind));
    }

    // On a bare thread, or in a timer's callback: what a logger or a listener throws would end the process.
    private void Tell(Action<ObservedChannel> tell)
    {
        try
        {
            if (_function.Observed is { } observed)
            {
                tell(observed);
            }
        }
        catch (Exception)
        {
            // It is theirs, and nobody is left to take it.
        }
    }

    // Not within the gate: a registration's Dispose waits for its callback, which takes it. Unregister does not wait.
    private void StopWaiting()
    {
        _timer?.Dispose();
        _ = _registration.Unregister();
    }

    private void EndLeases()
    {
        foreach (GuestBufferLease lease in _leases)
        {
            lease.Dispose();
        }
    }
}
