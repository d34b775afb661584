using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Guard;

/// <summary>The guard on Windows: a vectored exception handler, before all others. Nobody can take it away without its handle.</summary>
internal sealed class WindowsFaultGuard : FaultGuard
{
    public WindowsFaultGuard(CodeArena stubs, CodeArena handlers)
    {
        nint handler = handlers.Add(address => HandlerAssembler.ForVectoredExceptions(stubs, address));
        if (Kernel32.AddVectoredExceptionHandler(1, handler) == 0)
        {
            throw new InvalidOperationException("AddVectoredExceptionHandler refused one more handler: hypercall faults cannot be caught.");
        }
    }

    public override void Verify()
    {
        // Handlers that were added first come first, and a later one may look at the fault before this one; none is ever removed.
    }
}
