namespace Hypercall.Native;

/// <summary>
/// A thread that belongs to one channel, because what the channel needs is a thread's: a permission, or a CPU. It starts with the
/// first call, takes one at a time from any number of callers, allocates nothing for it, and keeps no process alive.
/// </summary>
/// <remarks>
/// <code>
///   callers          --(Turn: one at a time)-->   work   --(gate)-->   the thread: terms met? then the work
///      wait for the answer, come what may         &lt;----- done --------
/// </code>
/// A caller's frame goes by reference, so a caller does not leave before the work is done: an interrupt waits until then.
/// </remarks>
/// <param name="name">What a debugger shows, and a call after the end says.</param>
/// <param name="terms">What the thread has to have before each call.</param>
internal sealed class OwnThread(string name, IThreadTerm[] terms)
{
    private readonly object _gate = new();
    private Thread? _thread;
    private ThreadWork? _work;
    private ChannelRefusal? _refusal;
    private bool _isDone;
    private bool _isEnding;

    /// <summary>Whoever holds it may hand work over.</summary>
    public Lock Turn { get; } = new();

    /// <summary>Has work done on the thread, and waits for it.</summary>
    /// <param name="work">The work. The caller holds <see cref="Turn"/> from before it fills the work until it has read the
    /// answer.</param>
    /// <returns>Why nothing was done; null when it was.</returns>
    /// <exception cref="ObjectDisposedException">The thread was ended.</exception>
    public ChannelRefusal? Do(ThreadWork work)
    {
        bool isInterrupted = false;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isEnding, name);
            _thread ??= Start();
            (_work, _isDone) = (work, false);
            Monitor.PulseAll(_gate);
            while (!_isDone)
            {
                try
                {
                    _ = Monitor.Wait(_gate);
                }
                catch (ThreadInterruptedException)
                {
                    isInterrupted = true;
                }
            }
        }

        if (isInterrupted)
        {
            Thread.CurrentThread.Interrupt();
        }

        work.ThrowIfFailed();
        return _refusal;
    }

    /// <summary>Ends the thread, and waits for that, unless a call is in the VMM: then it ends when the call returns.</summary>
    public void End()
    {
        if (EndSoon() is { } idle && idle != Thread.CurrentThread)
        {
            idle.Join();
        }
    }

    /// <summary>Ends the thread, and waits for nothing.</summary>
    /// <returns>The thread, if it was started and has nothing to do.</returns>
    public Thread? EndSoon()
    {
        lock (_gate)
        {
            _isEnding = true;
            Monitor.PulseAll(_gate);
            return _work is null ? _thread : null;
        }
    }

    private Thread Start()
    {
        Thread thread = new(Run) { IsBackground = true, Name = name };
        thread.UnsafeStart(); // without the caller's context: nothing of it is to live as long as the thread
        return thread;
    }

    private void Run()
    {
        while (Next() is { } work)
        {
            ChannelRefusal? refusal = work.Run(terms);
            lock (_gate)
            {
                (_refusal, _work, _isDone) = (refusal, null, true);
                Monitor.PulseAll(_gate);
            }
        }

        foreach (IThreadTerm term in terms)
        {
            term.End();
        }
    }

    private ThreadWork? Next()
    {
        lock (_gate)
        {
            while (_work is null && !_isEnding)
            {
                _ = Monitor.Wait(_gate);
            }

            return _work;
        }
    }
}
