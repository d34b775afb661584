using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Hypercall.Cli.Interop;
using Microsoft.Win32.SafeHandles;

namespace Hypercall.Cli.Terminal;

/// <summary>Standard input, a Linux terminal, in raw mode: no echo, and no waiting for the end of a line. Disposing it restores what was.</summary>
/// <remarks>
/// The user's shell does not repair a terminal for everybody, so what was is restored on every way out: the end of the command, an exception, the end of the
/// process, and a signal that ends it (nobody can do it after SIGKILL). A process that goes on after a stop is raw again, for the user's shell made the terminal its
/// own meanwhile. Ctrl-C and Ctrl-\ keep making their signals: a person needs a way out of a VMM that does not answer.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed class RawTerminal : IDisposable
{
    private const int StandardInput = 0;

    private readonly Lock _gate = new();
    private readonly List<PosixSignalRegistration> _signals = [];
    private readonly Libc.TerminalAttributes _before;
    private readonly Libc.TerminalAttributes _raw;
    private bool _isOver;

    private RawTerminal(Libc.TerminalAttributes before)
    {
        _before = before;
        before.LocalFlags &= ~(Libc.Canonical | Libc.Echo | Libc.EchoNewLine | Libc.ExtendedInput);
        before.InputFlags &= ~Libc.FlowControl;
        before.WaitForOneByte();
        before.DisableSuspend();
        _raw = before;
    }

    /// <summary>The terminal as bytes. Console's own stream would read whole lines, and switch the echo on while it does.</summary>
    public static Stream OpenInput() => new FileStream(new SafeFileHandle(StandardInput, ownsHandle: false), FileAccess.Read, bufferSize: 0);

    /// <summary>Puts the terminal into raw mode; null when standard input is none.</summary>
    public static unsafe RawTerminal? Enter()
    {
        Libc.TerminalAttributes before;
        if (Libc.GetTerminalAttributes(StandardInput, &before) != 0)
        {
            return null;
        }

        RawTerminal terminal = new(before);
        AppDomain.CurrentDomain.ProcessExit += terminal.OnProcessExit;
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT])
        {
            terminal._signals.Add(PosixSignalRegistration.Create(signal, _ => terminal.Set(terminal._before)));
        }

        terminal._signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGCONT, context =>
        {
            context.Cancel = true; // the runtime would put back what it believes the modes to be
            terminal.Set(terminal._raw);
        }));
        terminal.Set(terminal._raw);
        return terminal;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            Set(_before);
            _isOver = true; // a signal that arrives from now on changes nothing
        }

        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        _signals.ForEach(signal => signal.Dispose());
    }

    private void OnProcessExit(object? sender, EventArgs e) => Set(_before);

    private unsafe void Set(Libc.TerminalAttributes attributes)
    {
        lock (_gate)
        {
            if (!_isOver)
            {
                _ = Libc.SetTerminalAttributes(StandardInput, Libc.AtOnce, &attributes);
            }
        }
    }
}
