using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Hypercall.Native.Execution;

namespace Hypercall.Native.Guard;

/// <summary>
/// What turns a CPU fault on the instruction of a stub into a result: a process-wide handler in emitted machine code (managed
/// code never runs in one) that compares the faulting address, and nothing else, and sends the thread to the stub's fault exit.
/// Every other fault goes where it went before. It is never uninstalled.
/// </summary>
/// <remarks>
/// A call has to know two things: that the handler is installed, and that its own thread lets the signals through. It looks
/// itself when its thread has not yet looked in this period:
/// <code>
///   period            1                     2 (begins 100 ms after the first look in 1)
///   thread A   look . call . call . call     look . call . call           look: unblock the thread's signals; the first one in a period also
///   thread B          look . call . call            look . call                 verifies the handler, and lets the period end
/// </code>
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "The guard is never uninstalled, nor is its timer.")]
internal abstract class FaultGuard
{
    /// <summary>How long, in milliseconds, a look is trusted.</summary>
    private const long TrustedFor = 100;

    // A number that a timer changes: a call that asked the clock itself would take almost twice as long (docs/benchmarks.md).
    // Static, because a copy of the library has one guard, and because a thread's own number is.
    private static int s_period = 1;

    [ThreadStatic]
    private static int t_lookedIn;

    private readonly Timer _periodEnds;
    private int _verifiedIn;

    /// <summary>
    /// Prepares the timer, which runs only after a look, and once: a process that makes no calls has nothing to wake it, and
    /// nothing that would keep the context of a plug-in alive.
    /// </summary>
    protected FaultGuard()
    {
        // Without the flow of the context, which would keep what the first caller's async locals hold alive for ever.
        using AsyncFlowControl? flow = ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
        _periodEnds = new Timer(static _ => EndPeriod(), null, Timeout.Infinite, Timeout.Infinite);
    }

    /// <summary>Whether a call of this thread relies on its last look; otherwise it has to <see cref="Look"/> first.</summary>
    public static bool IsTrusted => t_lookedIn == Volatile.Read(ref s_period);

    /// <summary>Installs the guard over all slots of an arena.</summary>
    /// <exception cref="ExecutableMemoryException">The system gives no executable memory.</exception>
    /// <exception cref="PlatformNotSupportedException">The system, or somebody in this process, does not let it be
    /// installed.</exception>
    public static FaultGuard Install(CodeArena stubs, CodeArena handlers) =>
        OperatingSystem.IsWindows() ? new WindowsFaultGuard(stubs, handlers) : new LinuxFaultGuard(stubs, handlers);

    /// <summary>Sees to it that a fault of this thread reaches the handler.</summary>
    /// <exception cref="PlatformNotSupportedException">It would not.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Look()
    {
        int period = Volatile.Read(ref s_period);
        AdmitThread();
        if (Volatile.Read(ref _verifiedIn) != period)
        {
            Verify(); // first: a call on another thread must not rely on a look that is not over
            Volatile.Write(ref _verifiedIn, period);
            _ = _periodEnds.Change(TrustedFor, Timeout.Infinite);
        }

        t_lookedIn = period;
    }

    /// <summary>Checks that the handler is installed, and puts it back if it was taken away.</summary>
    /// <exception cref="PlatformNotSupportedException">It cannot be put back.</exception>
    public abstract void Verify();

    /// <summary>Lets a fault of the calling thread through to the handler.</summary>
    /// <exception cref="PlatformNotSupportedException">That is not allowed.</exception>
    protected abstract void AdmitThread();

    private static void EndPeriod() => Interlocked.Increment(ref s_period);
}
