using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Hypercall.Cli.Interop;
using Microsoft.Win32.SafeHandles;

namespace Hypercall.Cli.Tests.Terminal;

/// <summary>A terminal with a program behind it, seen from the side of the person: keys go in, the screen comes out.</summary>
/// <remarks>
/// The program runs under a shell that leads the session and stays: with its leader a session's terminal is reset, and nobody
/// could see in which state the program left it. When the program ends, or is stopped, the shell prints <c>EXIT=code</c>; after a
/// line is typed it brings a stopped one back. Whoever runs the tests may ignore signals, as nohup and the background jobs of a
/// script do, and a shell cannot undo that: env does, so that each program begins as at a prompt.
/// </remarks>
internal sealed partial class PseudoTerminal : IDisposable
{
    private const string Program = """sh -c 'echo "PID=$$"; exec "$0" "$@"' "$@"; echo "EXIT=$?"; read line""";
    private const string Script = $"trap : INT; {Program}";
    private const string JobScript = $"set -m; {Program}; fg; echo \"EXIT=$?\"; read line"; // each program is a job of its own, which can be stopped
    private const string BackgroundScript =
        """set -m; sh -c 'echo "PID=$$"; exec "$0" "$@"' "$@" & read line; fg; echo "EXIT=$?"; read line""";
    private const string Defaults = "--default-signal=HUP,INT,QUIT,TERM,TSTP,CONT,USR1,ALRM";
    private const int ReadWrite = 2;     // O_RDWR
    private const int NoControl = 0x100; // O_NOCTTY, include/uapi/asm-generic/fcntl.h
    private const int CloseOnExec = 0x8_0000; // O_CLOEXEC: with the last descriptor the terminal hangs up, even if this process is killed

    private readonly SafeFileHandle _master;
    private readonly FileStream _screen;
    private readonly StringBuilder _seen = new();
    private readonly Process _session;

    private PseudoTerminal(SafeFileHandle master, string script, string[] around, string[] commandLine, bool isControlling)
    {
        _master = master;
        _screen = new FileStream(master, FileAccess.ReadWrite, bufferSize: 0);
        Before = Attributes;
        string slave = Marshal.PtrToStringUTF8(NameOf(Descriptor))!;
        string session = $"exec env {Defaults} setsid {(isControlling ? "--ctty" : "")} sh -c \"$0\" sh \"$@\" <{slave} >{slave} 2>&1";
        ProcessStartInfo start = new("env", [.. around, "TERM=xterm", "LC_ALL=C.UTF-8", "sh", "-c", session, script, .. commandLine]);
        _session = Process.Start(start)!;
        _ = Task.Factory.StartNew(Watch, TaskCreationOptions.LongRunning);
    }

    /// <summary>The terminal's modes before the program ran.</summary>
    public Libc.TerminalAttributes Before { get; }

    /// <summary>The terminal's modes now: asked of the master, Linux tells the slave's.</summary>
    public unsafe Libc.TerminalAttributes Attributes
    {
        get
        {
            Libc.TerminalAttributes attributes;
            Assert.Equal(0, Libc.GetTerminalAttributes(Descriptor, &attributes));
            return attributes;
        }

        set => Assert.Equal(0, Libc.SetTerminalAttributes(Descriptor, Libc.AtOnce, &value));
    }

    /// <summary>Whether keys are echoed by the terminal itself, or kept until Enter.</summary>
    public bool IsCooked => (Attributes.LocalFlags & (Libc.Echo | Libc.Canonical)) != 0;

    private int Descriptor => (int)_master.DangerousGetHandle();

    /// <summary>Runs a program on a new terminal.</summary>
    public static Task<PseudoTerminal> RunAsync(params string[] commandLine) => OpenAsync(Script, [], commandLine);

    /// <summary>Runs a program as a job that can be stopped and brought back.</summary>
    public static Task<PseudoTerminal> RunJobAsync(params string[] commandLine) => OpenAsync(JobScript, [], commandLine);

    /// <summary>Runs a program as a job behind the shell; after a line is typed the shell brings it to the front.</summary>
    public static Task<PseudoTerminal> RunBehindAsync(params string[] commandLine) => OpenAsync(BackgroundScript, [], commandLine);

    /// <summary>Runs a program on a new terminal that does not control its session, as that of a shell that is init.</summary>
    public static Task<PseudoTerminal> RunUncontrolledAsync(params string[] commandLine) => OpenAsync(Script, [], commandLine, isControlling: false);

    /// <summary>Runs a program on a new terminal from a process that ignores signals, as a test under nohup is.</summary>
    /// <param name="signals">Their names, between commas.</param>
    /// <param name="commandLine">The program.</param>
    public static Task<PseudoTerminal> RunFromOneThatIgnoresAsync(string signals, params string[] commandLine) => OpenAsync(Script, [$"--ignore-signal={signals}"], commandLine);

    public void Type(string keys) => _screen.Write(Encoding.UTF8.GetBytes(keys));

    /// <summary>Waits until the screen shows a text, and gives all that it showed until then, and forgets it.</summary>
    public string Expect(string text)
    {
        int end = -1;
        Until(() =>
        {
            lock (_seen)
            {
                end = _seen.ToString().IndexOf(text, StringComparison.Ordinal);
                return end >= 0;
            }
        }, () => $"the screen shows '{text}'");
        lock (_seen)
        {
            string shown = _seen.ToString(0, end + text.Length);
            _ = _seen.Remove(0, end + text.Length);
            return shown;
        }
    }

    public void Until(Func<bool> condition, Func<string> what)
    {
        long started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            lock (_seen)
            {
                Assert.True(Stopwatch.GetElapsedTime(started) < LastResort.Bound, $"Not within {LastResort.Bound}: {what()}. It shows: {_seen}");
                _ = Monitor.Wait(_seen, TimeSpan.FromMilliseconds(20)); // pulsed by the screen; modes change without a pulse
            }
        }
    }

    public void AssertRestored()
    {
        Libc.TerminalAttributes now = Attributes;
        Libc.TerminalAttributes before = Before;
        Assert.True(
            now.Equals(before),
            $"Local flags were 0x{before.LocalFlags:x} and are 0x{now.LocalFlags:x}; input flags were 0x{before.InputFlags:x} and are 0x{now.InputFlags:x}.");
    }

    public void Dispose()
    {
        if (!_session.HasExited)
        {
            _session.Kill(entireProcessTree: true);
        }

        _session.WaitForExit();
        _session.Dispose();
        _screen.Dispose();
    }

    private static async Task<PseudoTerminal> OpenAsync(string script, string[] around, string[] commandLine, bool isControlling = true)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pseudo-terminals are tested on Linux.");
        Assert.SkipUnless(await ProcessRun.CanAsync("setsid", "--version"), "There is no setsid (util-linux).");
        Assert.SkipUnless(
            await ProcessRun.CanAsync("env", Defaults, "true"), "There is no env that puts signals back (coreutils 8.31).");
        int master = OpenMaster(ReadWrite | NoControl | CloseOnExec);
        Assert.SkipWhen(
            master < 0 || Grant(master) != 0 || Unlock(master) != 0,
            $"There is no pseudo-terminal: {Marshal.GetLastPInvokeErrorMessage()}");
        return new PseudoTerminal(new SafeFileHandle(master, ownsHandle: true), script, around, commandLine, isControlling);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "posix_openpt", SetLastError = true)]
    private static partial int OpenMaster(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt", SetLastError = true)]
    private static partial int Grant(int master);

    [LibraryImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    private static partial int Unlock(int master);

    [LibraryImport("libc", EntryPoint = "ptsname", SetLastError = true)]
    private static partial nint NameOf(int master);

    private void Watch()
    {
        byte[] bytes = new byte[4096];
        try
        {
            int read;
            while ((read = _screen.Read(bytes)) > 0)
            {
                lock (_seen)
                {
                    _ = _seen.Append(Encoding.Latin1.GetString(bytes, 0, read));
                    Monitor.PulseAll(_seen);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // EIO: nobody has the terminal open any more.
        }
    }
}
