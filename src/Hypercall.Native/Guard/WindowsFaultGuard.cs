using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Guard;

/// <summary>
/// The guard on Windows: a vectored exception handler, before all others. Nobody can take it away without its handle.
/// </summary>
internal sealed class WindowsFaultGuard : FaultGuard
{
    /// <exception cref="PlatformNotSupportedException">Windows takes no more handlers, or hardware-enforced stack protection
    /// would turn each fault into the end of the process.</exception>
    public WindowsFaultGuard(CodeArena stubs, CodeArena handlers)
    {
        ThrowIfShadowStack(ReadShadowStackPolicy());
        long[] isInstalled = RuntimeShared.GetOrAdd("guard", CodeArena.Version, () => new long[1]); // by whichever copy of the library came first
        lock (isInstalled)
        {
            if (isInstalled[0] == 0)
            {
                nint handler = handlers.Add(address => HandlerAssembler.ForVectoredExceptions(stubs, address));
                isInstalled[0] = Kernel32.AddVectoredExceptionHandler(1, handler);
            }

            if (isInstalled[0] == 0)
            {
                throw new PlatformNotSupportedException(
                    "AddVectoredExceptionHandler refused one more handler. Without the guard a hypercall that faults would end the process, so none can be made.");
            }
        }
    }

    internal static void ThrowIfShadowStack(uint policy)
    {
        if ((policy & Kernel32.EnableUserShadowStack) != 0)
        {
            throw new PlatformNotSupportedException(
                "This process runs with hardware-enforced stack protection (CET shadow stacks), which ends it when a handler sends a thread to an address that is not on "
                + "its shadow stack: a hypercall that faults could not be caught. Build the program with <CETCompat>false</CETCompat>.");
        }
    }

    private static unsafe uint ReadShadowStackPolicy()
    {
        uint policy = 0;
        int known = Kernel32.GetProcessMitigationPolicy(Kernel32.GetCurrentProcess(), Kernel32.UserShadowStackPolicy, &policy, sizeof(uint));
        return known != 0 ? policy : 0; // a Windows that does not know the policy has no such stacks
    }

    public override void Verify()
    {
        // Handlers that were added first come first, and a later one may look at the fault before this one; none is ever removed.
    }

    protected override void AdmitThread()
    {
        // No thread can block an exception.
    }
}
