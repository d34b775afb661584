using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Tests.Memory;

/// <summary>
/// A thread that does one thing after the other, as it is told, and keeps the marks of calls in flight on its stack.
/// </summary>
internal sealed class DisposeWorker : IDisposable
{
    private readonly BlockingCollection<Action?> _work = [];
    private readonly Thread _thread;
    private TaskCompletionSource<Exception?> _result = new();

    public DisposeWorker()
    {
        _result.SetResult(null);
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Whether what it was told last has ended.</summary>
    public bool IsDone => _result.Task.IsCompleted;

    /// <summary>Tells it to do something.</summary>
    public void Start(Action action)
    {
        Assert.True(IsDone);
        _result = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(action);
    }

    /// <summary>Lets it enter a call; the mark stays until <see cref="End"/>.</summary>
    /// <returns>What it threw.</returns>
    public Exception? Enter(GuestBuffer buffer)
    {
        Start(() =>
        {
            using (buffer.EnterCall())
            {
                _result.SetResult(null);
                Run();
            }

            // The call's end is the result of who asked for it.
        });
        return Result();
    }

    /// <summary>Lets it end the call that it entered last.</summary>
    public void End()
    {
        Assert.True(IsDone);
        _result = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(null);
        Assert.Null(Result());
    }

    public void Interrupt() => _thread.Interrupt();

    /// <summary>Waits until it is done, or waits itself, in a Dispose.</summary>
    public void AwaitDoneOrWaiting() =>
        Assert.True(
            SpinWait.SpinUntil(() => IsDone || DisposeWaits.IsWaiting(_thread.ManagedThreadId), LastResort.Bound),
            $"Neither done nor waiting after {LastResort.Bound}.");

    /// <summary>What the last thing threw, or null.</summary>
    public Exception? Result()
    {
        Assert.True(_result.Task.Wait(LastResort.Bound), $"A thread still waits after {LastResort.Bound}.");
        return _result.Task.Result;
    }

    public void Dispose()
    {
        _work.CompleteAdding(); // ends all that is on its stack
        _thread.Interrupt();
        _ = _thread.Join(LastResort.Bound);
        _work.Dispose();
    }

    private void Run()
    {
        while (TryTake(out Action? action))
        {
            TaskCompletionSource<Exception?> result = _result;
            Exception? thrown = Record.Exception(action);

            // What entered a call has reported already, and its end reports to whoever asked for that.
            _ = (result.Task.IsCompleted ? _result : result).TrySetResult(thrown);
        }
    }

    private bool TryTake([NotNullWhen(true)] out Action? action)
    {
        while (true)
        {
            try
            {
                return _work.TryTake(out action, Timeout.Infinite) && action is not null;
            }
            catch (ThreadInterruptedException)
            {
                // It was meant for what was done before.
            }
        }
    }
}
