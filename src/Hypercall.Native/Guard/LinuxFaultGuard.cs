using System.Runtime.InteropServices;
using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Guard;

/// <summary>
/// The guard on Linux: one emitted handler for each of SIGILL, SIGSEGV and SIGBUS, in front of what was installed before (the
/// runtime's handlers, under NativeAOT nothing for SIGILL and SIGBUS).
/// </summary>
/// <remarks>
/// <para>
/// Somebody can take a handler away: a PosixSignalRegistration made before it and disposed after it puts back what it had found; the
/// runtime resets a signal that another process sent it. <see cref="Verify"/> repairs that:
/// </para>
/// <code>
/// found now                      what is done
/// one of ours                    nothing
/// SIG_DFL                        the newest of ours again: it still leads to the runtime's handler
/// anything else                  a new handler of ours, in front of it
/// </code>
/// <para>
/// A new one is a new page at a new address. What was found may itself lead to an older handler of ours, but never to the new one:
/// there is no loop. Their number is bounded, so that two libraries that both insist on being first come to rest.
/// </para>
/// </remarks>
internal sealed unsafe class LinuxFaultGuard : FaultGuard
{
    /// <summary>How often a handler is put in front of a stranger's, for each signal.</summary>
    private const int MaxGenerations = 8;

    private readonly CodeArena _stubs;
    private readonly CodeArena _handlers;
    private readonly Lock _gate = new();
    private readonly SignalState[] _signals = [new(Libc.SigIll), new(Libc.SigSegv), new(Libc.SigBus)];

    public LinuxFaultGuard(CodeArena stubs, CodeArena handlers)
    {
        _stubs = stubs;
        _handlers = handlers;
        foreach (SignalState signal in _signals)
        {
            Libc.SignalActionRecord found = Read(signal.Number);
            InstallInFrontOf(signal, found);
        }
    }

    public override void Verify()
    {
        foreach (SignalState signal in _signals)
        {
            if (!IsOurs(Read(signal.Number).Handler))
            {
                Repair(signal);
            }
        }
    }

    private static Libc.SignalActionRecord Read(int signal)
    {
        Libc.SignalActionRecord action = default;
        return Libc.SignalAction(signal, null, &action) == 0 ? action : throw Failed(signal);
    }

    private static InvalidOperationException Failed(int signal) => new(
        $"sigaction for signal {signal} failed with error {Marshal.GetLastPInvokeError()} ({Marshal.GetLastPInvokeErrorMessage()}): hypercall faults cannot be caught.");

    private bool IsOurs(nint handler) => (nuint)(handler - _handlers.Start) < (nuint)_handlers.Capacity << StubLayout.SlotShift;

    private void Repair(SignalState signal)
    {
        lock (_gate)
        {
            Libc.SignalActionRecord found = Read(signal.Number);
            if (IsOurs(found.Handler))
            {
                return;
            }

            if (found.Handler == Libc.SigDfl)
            {
                Libc.SignalActionRecord newest = signal.Newest;
                _ = Libc.SignalAction(signal.Number, &newest, null);
            }
            else if (signal.Generations < MaxGenerations)
            {
                InstallInFrontOf(signal, found);
            }
        }
    }

    private void InstallInFrontOf(SignalState signal, Libc.SignalActionRecord found)
    {
        while (true)
        {
            nint next = found.Handler;
            nint handler = _handlers.Add(address => HandlerAssembler.ForSignals(_stubs, next, address));
            signal.Generations++;

            // The old flags and mask, so that the old handler runs as it was meant to: on its stack, with its signals blocked.
            Libc.SignalActionRecord action = found;
            action.Handler = handler;
            action.Flags = (found.Flags & ~(Libc.SaRestorer | Libc.SaResetHand)) | Libc.SaSigInfo;
            action.Restorer = 0;
            if (next is Libc.SigDfl or Libc.SigIgn)
            {
                action.Flags |= Libc.SaOnStack; // a thread that has overflowed its stack has no other
            }

            signal.Newest = action;
            Libc.SignalActionRecord replaced;
            if (Libc.SignalAction(signal.Number, &action, &replaced) != 0)
            {
                throw Failed(signal.Number);
            }

            if (replaced.Handler == next || IsOurs(replaced.Handler) || signal.Generations >= MaxGenerations)
            {
                return;
            }

            found = replaced; // somebody installed one between the look and the leap: it comes next instead
        }
    }

    private sealed class SignalState(int number)
    {
        public int Number => number;

        public int Generations { get; set; }

        public Libc.SignalActionRecord Newest { get; set; }
    }
}
