using System.Runtime.CompilerServices;
using Hypercall.Native.Execution;

namespace Hypercall.Native.Guard;

/// <summary>
/// What turns a CPU fault on the instruction of a stub into a result: a process-wide handler in emitted machine code (managed code never
/// runs in one) that compares the faulting address, and nothing else, and sends the thread to the stub's fault exit. Every other
/// fault goes where it went before. It is never uninstalled.
/// </summary>
internal abstract class FaultGuard
{
    /// <summary>How long, in milliseconds, the guard trusts that its handler is still installed.</summary>
    public const long TrustedFor = 100;

    private long _verifyAt;

    /// <summary>Installs the guard over all slots of an arena.</summary>
    public static FaultGuard Install(CodeArena stubs, CodeArena handlers) =>
        OperatingSystem.IsWindows() ? new WindowsFaultGuard(stubs, handlers) : new LinuxFaultGuard(stubs, handlers);

    /// <summary>Checks that the handler is installed if nobody did for a while, and puts it back if it was taken away.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void VerifyNowAndThen()
    {
        if (Environment.TickCount64 >= Volatile.Read(ref _verifyAt))
        {
            VerifyAndTrust();
        }
    }

    /// <summary>Checks that the handler is installed, and puts it back if it was taken away.</summary>
    public abstract void Verify();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void VerifyAndTrust()
    {
        Volatile.Write(ref _verifyAt, Environment.TickCount64 + TrustedFor);
        Verify();
    }
}
