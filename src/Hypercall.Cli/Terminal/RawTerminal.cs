using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Hypercall.Cli.Interop;
using Microsoft.Win32.SafeHandles;

namespace Hypercall.Cli.Terminal;

/// <summary>
/// Standard input, a Linux terminal, in raw mode: no echo, and no waiting for the end of a line. Disposing it restores what was.
/// </summary>
/// <remarks>
/// The user's shell does not repair a terminal for everybody, so what was is restored on every way out that lets code run: the
/// end of the command, an exception, also one that nobody catches, the end of the process, a signal that ends it, and a stop
/// (nobody can do it before SIGKILL, SIGSTOP and a crash of the runtime). A process that goes on after a stop is raw again.
/// Ctrl-C and Ctrl-\ keep making their signals: a person needs a way out of a VMM that does not answer. A signal that the process
/// was told to ignore when it began, as nohup does with SIGHUP, stays ignored: .NET sees to that.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class RawTerminal : IDisposable
{
    private const int StandardInput = 0;

    // What ends a process, and can be caught: signal(7). The numbers without a name in .NET are those of x86 and Arm
    // (include/uapi/asm-generic/signal.h): SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR.
    private static readonly PosixSignal[] Ends =
    [
        PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT,
        (PosixSignal)10, (PosixSignal)12, (PosixSignal)14, (PosixSignal)24, (PosixSignal)25, (PosixSignal)26, (PosixSignal)27, (PosixSignal)29, (PosixSignal)30,
    ];

    private readonly Lock _gate = new();
    private readonly List<PosixSignalRegistration> _signals = [];
    private readonly Libc.TerminalAttributes _before;
    private readonly bool _isJob;
    private Libc.TerminalAttributes _raw;
    private bool _isOver;

    private RawTerminal(Libc.TerminalAttributes before)
    {
        _before = before;
        _isJob = Libc.GetForegroundGroup(StandardInput) >= 0; // ENOTTY: a terminal that controls no session, as a shell that is init has it
        before.LocalFlags &= ~(Libc.Canonical | Libc.Echo | Libc.EchoNewLine | Libc.ExtendedInput);
        before.InputFlags &= ~Libc.FlowControl;
        before.WaitForOneByte();
        before.DisableSuspend();
        _raw = before;
    }

    /// <summary>
    /// The terminal as bytes. Console's own stream would read whole lines, and switch the echo on while it does.
    /// </summary>
    public static Stream OpenInput() => new FileStream(new SafeFileHandle(StandardInput, ownsHandle: false), FileAccess.Read, bufferSize: 0);

    /// <summary>Puts the terminal into raw mode; null when standard input is none.</summary>
    public static RawTerminal? Enter()
    {
        if (Read() is not { } before)
        {
            return null;
        }

        RawTerminal terminal = new(before);
        AppDomain.CurrentDomain.ProcessExit += terminal.OnEnd;
        AppDomain.CurrentDomain.UnhandledException += terminal.OnEnd;
        terminal._signals.AddRange(Ends.Select(signal => PosixSignalRegistration.Create(signal, _ => terminal.Restore())));
        terminal._signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTSTP, context =>
        {
            context.Cancel = true; // the runtime would not stop: to it, a handler is all that happens
            terminal.Restore();
            _ = Libc.Kill(Environment.ProcessId, Libc.Stop);
        }));
        terminal._signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGCONT, context =>
        {
            context.Cancel = true; // the runtime would put back what it believes the modes to be
            terminal.MakeRaw();
        }));
        terminal.MakeRaw();
        return terminal;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            Restore();
            _isOver = true; // a signal that arrives from now on changes nothing
        }

        AppDomain.CurrentDomain.ProcessExit -= OnEnd;
        AppDomain.CurrentDomain.UnhandledException -= OnEnd;
        _signals.ForEach(signal => signal.Dispose());
    }

    private static unsafe Libc.TerminalAttributes? Read()
    {
        Libc.TerminalAttributes attributes;
        return Libc.GetTerminalAttributes(StandardInput, &attributes) == 0 ? attributes : null;
    }

    /// <summary>
    /// Whether the terminal is this job's, and no other's that the user's shell put in front meanwhile. Without jobs it is always
    /// ours.
    /// </summary>
    private bool IsInFront => !_isJob || Libc.GetForegroundGroup(StandardInput) == Libc.GetProcessGroup();

    private void OnEnd(object? sender, EventArgs e) => Restore();

    private void MakeRaw()
    {
        lock (_gate)
        {
            if (!_isOver && IsInFront)
            {
                Set(_raw);
                _raw = Read() ?? _raw; // as the terminal took it
            }
        }
    }

    // Behind another job only where nobody else has set the modes since: whoever killed our parent took the terminal, and may
    // have left it raw.
    private void Restore()
    {
        lock (_gate)
        {
            if (!_isOver && (IsInFront || (Read() is { } now && now.Equals(_raw))))
            {
                Set(_before);
            }
        }
    }

    private static unsafe void Set(Libc.TerminalAttributes attributes)
    {
        ulong* blocked = stackalloc ulong[Libc.SignalSetWords];
        ulong* before = stackalloc ulong[Libc.SignalSetWords];
        new Span<ulong>(blocked, Libc.SignalSetWords).Clear();
        blocked[0] = 1UL << (Libc.BackgroundWrite - 1);
        _ = Libc.SetSignalMask(Libc.BlockSignals, blocked, before); // a job behind another would be stopped here
        _ = Libc.SetTerminalAttributes(StandardInput, Libc.AtOnce, &attributes);
        _ = Libc.SetSignalMask(Libc.SetSignals, before, null);
    }
}
