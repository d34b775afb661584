using System.Runtime.CompilerServices;
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
/// found now                       what is done
/// one of ours                     nothing
/// SIG_DFL, SIG_IGN, a handler of  a handler of ours in front of it, on a page of its own for each of them
/// the .NET runtime
/// what the newest of ours follows the newest of ours again
/// a stranger's                    nothing: it came after ours and most likely leads to it; to go in front of a stranger that
///                                 insists on being first would make a loop
/// </code>
/// <para>
/// Those of the runtime make none: its own were installed before ours and stay as they are, and the one of PosixSignalRegistration
/// leads to what it found, which is never the page in front of it.
/// </para>
/// </remarks>
internal sealed unsafe class LinuxFaultGuard : FaultGuard
{
    private readonly CodeArena _stubs;
    private readonly CodeArena _handlers;
    private readonly Lock _gate = new();
    private readonly Dictionary<nint, bool> _isOfRuntime = [];
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

            if (found.Handler == signal.Newest!.Next || (found.Handler == Libc.SigDfl && IsNeededByRuntime(signal.Number)))
            {
                Libc.SignalActionRecord action = signal.Newest.Action; // it leads to the runtime's handler, which SIG_DFL does not
                _ = Libc.SignalAction(signal.Number, &action, null);
            }
            else if (found.Handler is Libc.SigDfl or Libc.SigIgn || IsOfRuntime(found.Handler))
            {
                InstallInFrontOf(signal, found);
            }
        }
    }

    /// <summary>Whether the runtime has a handler of its own: NativeAOT makes NullReferenceExceptions of SIGSEGV, and leaves the others alone.</summary>
    private static bool IsNeededByRuntime(int signal) => signal == Libc.SigSegv || RuntimeFeature.IsDynamicCodeSupported;

    /// <summary>Whether a handler lies in a file of the .NET runtime; in a NativeAOT or single-file program that is the program.</summary>
    private bool IsOfRuntime(nint handler)
    {
        if (!_isOfRuntime.TryGetValue(handler, out bool isOfRuntime))
        {
            isOfRuntime = FileAt(handler) is { } file
                && (file == Environment.ProcessPath || Path.GetFileName(file) is "libcoreclr.so" or "libSystem.Native.so");
            _isOfRuntime.Add(handler, isOfRuntime);
        }

        return isOfRuntime;
    }

    /// <summary>The file that is mapped at an address, if any. Without /proc it is a stranger's, as far as anybody can tell.</summary>
    private static string? FileAt(nint address) =>
        ProcessMapping.Read().FirstOrDefault(mapping => (nuint)address >= mapping.Start && (nuint)address < mapping.End)?.Path;

    private void InstallInFrontOf(SignalState signal, Libc.SignalActionRecord found)
    {
        for (int attempt = 0; attempt < 4; attempt++)
        {
            Installed ours = signal.InFrontOf(found.Handler) ?? signal.Add(Prepare(found));
            signal.Newest = ours;
            Libc.SignalActionRecord action = ours.Action;
            Libc.SignalActionRecord replaced;
            if (Libc.SignalAction(signal.Number, &action, &replaced) != 0)
            {
                throw Failed(signal.Number);
            }

            if (replaced.Handler == found.Handler)
            {
                return;
            }

            found = replaced; // somebody installed one between the look and the leap: it comes next instead
        }
    }

    private Installed Prepare(in Libc.SignalActionRecord found)
    {
        nint next = found.Handler;

        // The old flags and mask, so that the old handler runs as it was meant to: on its stack, with its signals blocked.
        Libc.SignalActionRecord action = found;
        action.Handler = _handlers.Add(address => HandlerAssembler.ForSignals(_stubs, next, address));
        action.Flags = (found.Flags & ~(Libc.SaRestorer | Libc.SaResetHand)) | Libc.SaSigInfo;
        action.Restorer = 0;
        if (next is Libc.SigDfl or Libc.SigIgn)
        {
            action.Flags |= Libc.SaOnStack; // a thread that has overflowed its stack has no other
        }

        return new Installed(next, action);
    }

    /// <summary>A handler of ours, and the one it follows on to.</summary>
    private sealed class Installed(nint next, Libc.SignalActionRecord action)
    {
        public nint Next => next;

        public Libc.SignalActionRecord Action => action;
    }

    private sealed class SignalState(int number)
    {
        private readonly List<Installed> _all = [];

        public int Number => number;

        public Installed? Newest { get; set; }

        public Installed? InFrontOf(nint next) => _all.Find(one => one.Next == next);

        public Installed Add(Installed installed)
        {
            _all.Add(installed);
            return installed;
        }
    }
}
