using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Hypercall.Native.Execution;

namespace Hypercall.Native.Guard;

/// <summary>
/// What turns a CPU fault on the instruction of a stub into a result: a process-wide handler in emitted machine code (managed code never
/// runs in one) that compares the faulting address, and nothing else, and sends the thread to the stub's fault exit. Every other
/// fault goes where it went before. It is never uninstalled.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The guard is never uninstalled, nor is its timer.")]
internal abstract class FaultGuard
{
    /// <summary>How long, in milliseconds, the guard trusts that its handler is still installed.</summary>
    private const long TrustedFor = 100;

    // A flag that a timer clears: a call that asked the clock itself would take almost twice as long (docs/benchmarks.md).
    private readonly Timer _trustEnds;
    private volatile bool _isTrusted;

    /// <summary>Prepares the timer, which runs only after a look, and once: a process that makes no calls has nothing to wake it.</summary>
    protected FaultGuard()
    {
        // Without the flow of the context, which would keep what the first caller's async locals hold alive for ever.
        using AsyncFlowControl? flow = ExecutionContext.IsFlowSuppressed() ? null : ExecutionContext.SuppressFlow();
        _trustEnds = new Timer(static guard => ((FaultGuard)guard!)._isTrusted = false, this, Timeout.Infinite, Timeout.Infinite);
    }

    /// <summary>Whether a call relies on the last look; otherwise it looks first.</summary>
    public bool IsTrusted => _isTrusted;

    /// <summary>Installs the guard over all slots of an arena.</summary>
    public static FaultGuard Install(CodeArena stubs, CodeArena handlers) =>
        OperatingSystem.IsWindows() ? new WindowsFaultGuard(stubs, handlers) : new LinuxFaultGuard(stubs, handlers);

    /// <summary>Checks that the handler is installed if nobody did for a while, and puts it back if it was taken away.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void VerifyNowAndThen()
    {
        if (!_isTrusted)
        {
            VerifyAndTrust();
        }
    }

    /// <summary>Checks that the handler is installed, and puts it back if it was taken away.</summary>
    public abstract void Verify();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void VerifyAndTrust()
    {
        Verify(); // first: a call on another thread must not rely on a look that is not over
        _isTrusted = true;
        _ = _trustEnds.Change(TrustedFor, Timeout.Infinite);
    }
}
