using System.Runtime.CompilerServices;
using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Guard;

/// <summary>
/// The guard on Linux: one emitted handler for each of SIGILL, SIGSEGV and SIGBUS, in front of what was installed before (the
/// runtime's handlers, under NativeAOT nothing for SIGILL and SIGBUS).
/// </summary>
/// <remarks>
/// <para>
/// All copies of the library in a runtime have one guard together: its pages and its state are shared. A copy in another runtime
/// of this process (a NativeAOT library) has its own; the two stand in front of each other, and each knows the other's pages by
/// their magic number (<see cref="HandlerPage"/>).
/// </para>
/// <para>
/// Somebody can take a handler away: a PosixSignalRegistration made before it and disposed after it puts back what it had found;
/// the runtime resets a signal that another process sent it. <see cref="Verify"/> repairs that:
/// </para>
/// <code>
/// found now                               what is done
/// one of ours, or a guard that leads to   nothing
/// one of ours
/// what the newest of ours leads to        the newest of ours again
/// what another of ours leads to           that one again
/// SIG_DFL, SIG_IGN, a handler of a .NET   a handler of ours in front of it, on a page of its own for each of them
/// runtime, or a guard that leads there
/// a stranger's                            nothing: it came after ours and most likely leads to it; to go in front of a stranger that
///                                         insists on being first would make a loop
/// </code>
/// <para>
/// Those of the runtime make none: its own were installed before ours and stay as they are, and the one of
/// PosixSignalRegistration leads to what it found, which is never the page in front of it. Where somebody else makes one, the
/// handlers end it (<see cref="HandlerAssembler"/>).
/// </para>
/// </remarks>
internal sealed unsafe class LinuxFaultGuard : FaultGuard
{
    private static readonly int[] Signals = [Libc.SigIll, Libc.SigSegv, Libc.SigBus];

    private readonly CodeArena _stubs;
    private readonly CodeArena _handlers;
    private readonly SignalActions _actions;
    private readonly long[] _newest; // by signal, the handler of ours that was installed last, 0 before the first; also the lock

    /// <exception cref="PlatformNotSupportedException">sigaction is refused, or somebody answers it without installing
    /// anything.</exception>
    public LinuxFaultGuard(CodeArena stubs, CodeArena handlers)
        : this(stubs, handlers, new SignalActions(), RuntimeShared.GetOrAdd("guard", CodeArena.Version, NoneYet))
    {
    }

    internal LinuxFaultGuard(CodeArena stubs, CodeArena handlers, SignalActions actions, long[] newest)
    {
        _stubs = stubs;
        _handlers = handlers;
        _actions = actions;
        _newest = newest;
        AdmitThread(); // first: no handler helps a thread that lets no signal through
        Verify();
    }

    internal static long[] NoneYet() => new long[65]; // signals are 1 to 64

    public override void Verify()
    {
        foreach (int signal in Signals)
        {
            // Where the state may not even be read, nobody can have changed it either, once the guard was installed.
            bool isKnown = _actions.Read(signal, out Libc.SignalActionRecord found) == 0;
            if (isKnown ? !IsOurs(found.Handler) : Volatile.Read(ref _newest[signal]) == 0)
            {
                Repair(signal);
            }
        }
    }

    protected override void AdmitThread()
    {
        const ulong Needed = (1ul << (Libc.SigIll - 1)) | (1ul << (Libc.SigSegv - 1)) | (1ul << (Libc.SigBus - 1));
        Libc.SignalSet mask = default;
        if (Libc.SignalMask(Libc.SigBlock, null, &mask) == 0 && (mask.Signals & Needed) == 0)
        {
            return;
        }

        Libc.SignalSet needed = new() { Signals = Needed };
        int error = Libc.SignalMask(Libc.SigUnblock, &needed, null) == 0 ? 0 : Libc.LastError;
        if (error == 0 && Libc.SignalMask(Libc.SigBlock, null, &mask) == 0 && (mask.Signals & Needed) == 0)
        {
            return;
        }

        throw new PlatformNotSupportedException(
            "This thread blocks SIGILL, SIGSEGV or SIGBUS, and sigprocmask "
            + (error == 0 ? "says that it unblocked them, and did not" : $"may not unblock them: {Errno.Describe(error)}")
            + ". A hypercall that faults would end the process, so none was made. Make hypercalls on a thread that blocks none of them, or let this process change its signal mask.");
    }

    private bool IsOurs(nint handler) => _handlers.Contains(handler);

    private void Repair(int signal)
    {
        lock (_newest)
        {
            ThrowIfRefused(signal, _actions.Read(signal, out Libc.SignalActionRecord found));

            nint[] chain = [.. HandlerPage.Walk(found.Handler, _handlers)];
            if (Array.Exists(chain, IsOurs))
            {
                return;
            }

            nint newest = (nint)_newest[signal];
            if (newest == 0)
            {
                Install(signal, found); // in front of whatever is there
            }
            else if ((found.Handler == Libc.SigDfl && IsNeededByRuntime(signal))
                || HandlerPage.Walk(newest, _handlers).Contains(found.Handler))
            {
                Install(signal, found, newest); // it leads to the runtime's handler, which SIG_DFL does not
            }
            else if (InFrontOf(signal, found.Handler) is not 0 || LeadsNowhere(chain))
            {
                Install(signal, found);
            }
        }
    }

    /// <summary>
    /// Whether the runtime has a handler of its own: NativeAOT makes NullReferenceExceptions of SIGSEGV, and leaves the others
    /// alone.
    /// </summary>
    private static bool IsNeededByRuntime(int signal) => signal == Libc.SigSegv || RuntimeFeature.IsDynamicCodeSupported;

    /// <summary>
    /// Whether nothing at the end of a chain can lead to a page of ours: then one more in front of it makes no loop.
    /// </summary>
    private bool LeadsNowhere(nint[] chain) => LeadsNowhere(chain[^1])
        || (chain.Length > 1 && HandlerPage.TryRead(chain[^2], _handlers, out HandlerPage last) && last.LeadsNowhere);

    private static bool LeadsNowhere(nint handler) => handler is Libc.SigDfl or Libc.SigIgn || RuntimeCode.Contains(handler);

    /// <summary>The handler of ours in front of another; 0 if there is none.</summary>
    private nint InFrontOf(int signal, nint next) => _handlers.Used
        .Select(page => page + HandlerPage.Entry)
        .LastOrDefault(handler => HandlerPage.Read(handler).Signal == signal && HandlerPage.Read(handler).Next == next);

    /// <summary>Installs a handler of ours in place of what was found.</summary>
    /// <param name="signal">The signal.</param>
    /// <param name="found">What is there.</param>
    /// <param name="again">A handler of ours that leads to it somehow; 0 for one that is right in front of it.</param>
    private void Install(int signal, Libc.SignalActionRecord found, nint again = 0)
    {
        const int Attempts = 4;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            nint ours = again != 0 ? again : InFrontOf(signal, found.Handler);
            if (ours == 0)
            {
                ours = Add(signal, found);
            }

            Libc.SignalActionRecord action = HandlerPage.Read(ours).Action(ours);
            ThrowIfRefused(signal, _actions.Replace(signal, action, out Libc.SignalActionRecord replaced));
            if (_actions.Read(signal, out Libc.SignalActionRecord now) == 0 && now.Handler == found.Handler)
            {
                // Nothing was installed, or who insists on being first came between the leap and this look. Where the guard was
                // seen in place before, it is the latter: a stranger that came after ours.
                if (Volatile.Read(ref _newest[signal]) != 0)
                {
                    return;
                }

                if (attempt < Attempts - 1)
                {
                    continue;
                }

                throw NotInstalled(signal, now.Handler);
            }

            Volatile.Write(ref _newest[signal], ours);
            if (replaced.Handler == found.Handler || IsOurs(replaced.Handler))
            {
                return;
            }

            (found, again) = (replaced, 0); // somebody installed one between the look and the leap: it comes next instead
        }
    }

    private nint Add(int signal, Libc.SignalActionRecord found)
    {
        bool leadsNowhere = LeadsNowhere(found.Handler);
        return _handlers.Add(page => HandlerPage.Assemble(signal, found, leadsNowhere, _stubs, page)) + HandlerPage.Entry;
    }

    private static void ThrowIfRefused(int signal, int error)
    {
        if (error != 0)
        {
            throw Refused(signal, error);
        }
    }

    private static PlatformNotSupportedException Refused(int signal, int error) => new(
        $"sigaction for {Name(signal)} is refused: {Errno.Describe(error)}. Without the guard a hypercall that faults would end the process, so none can be made. If it is a "
        + "sandbox (a seccomp filter), let it allow rt_sigaction for SIGILL, SIGSEGV and SIGBUS.");

    private static PlatformNotSupportedException NotInstalled(int signal, nint handler) => new(
        $"sigaction for {Name(signal)} says that it installed the guard, and did not: {Describe(handler)} is still there, and would take the faults of hypercalls, so none can be made. "
        + "Let that library leave these signals to others (AddressSanitizer and its kin: handle_sigill=1, handle_segv=1, handle_sigbus=1 in ASAN_OPTIONS).");

    private static string Describe(nint handler) => handler switch
    {
        Libc.SigDfl => "the default action",
        Libc.SigIgn => "SIG_IGN",
        _ => LoadedModule.At(handler) is not { } module ? "a handler that belongs to no library"
            : module.Name.Length == 0 ? "a handler of the program" : $"a handler of {module.Name}",
    };

    private static string Name(int signal) => signal switch
    {
        Libc.SigIll => "SIGILL",
        Libc.SigSegv => "SIGSEGV",
        Libc.SigBus => "SIGBUS",
        _ => $"signal {signal}",
    };
}
