namespace Hypercall.Native.Tests.Threads;

/// <summary>A channel that counts its calls, and answers RAX + 1; or does what a test says.</summary>
internal sealed class CountingChannel : IHypercallChannel, IDisposable
{
    public Func<HypercallStatus>? During { get; set; }

    public int Calls { get; private set; }

    public int LastThread { get; private set; }

    public Thread? Thread { get; private set; }

    public bool IsDisposed { get; private set; }

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        Calls++;
        LastThread = Environment.CurrentManagedThreadId;
        Thread = Thread.CurrentThread;
        HypercallStatus status = During?.Invoke() ?? HypercallStatus.Completed;
        registers.Rax += status.IsCompleted ? 1u : 0u;
        return status;
    }

    public void Dispose() => IsDisposed = true;
}
