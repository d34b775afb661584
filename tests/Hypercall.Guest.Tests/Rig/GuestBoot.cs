using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Hypercall.Guest.Tests.Processes;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>
/// Boots a guest and listens to it until it ends, or types at its prompt what a person would: one call, and <c>exit</c>. Once
/// more when it hangs.
/// </summary>
/// <param name="folder">Where logs are kept.</param>
/// <param name="tell">Takes what a person should read: an attempt that hung.</param>
internal sealed class GuestBoot(string folder, Action<string> tell)
{
    private const int MostAttempts = 2;
    private const int OutOfTime = 124; // rig/boot --help
    private const string Prompt = "/ # ";

    /// <summary>rig/boot --help: a package that the judge needs was not to be had.</summary>
    public const int NotToBeHad = 6;

    private static readonly string[] ByTheMachine = ["vmm: ", "guest: ", "VMM ", "state: ", "rig/boot: "];
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan BootScriptsOwnTime = TimeSpan.FromMinutes(1); // to make an ISO, and to end
    private static readonly TimeSpan TimeToTellItsState = TimeSpan.FromMinutes(1); // registers, and the kernel's log from a dump of its memory

    /// <summary>Boots. It blocks its thread, and the guest ends with that thread.</summary>
    /// <param name="request">What to boot.</param>
    /// <param name="command">The command that does it.</param>
    /// <param name="cancellation">Ends the guest.</param>
    public GuestRun Run(GuestRequest request, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        List<string> attempts = [];
        List<int> sessions = [];
        while (true)
        {
            long started = Stopwatch.GetTimestamp();
            GuestVisit? visit = null;
            (int? exitCode, List<string> lines, string end) = request.Visit is null
                ? Listen(request, command, sessions, cancellation)
                : Visit(request, command, sessions, cancellation, out visit);
            TimeSpan time = Stopwatch.GetElapsedTime(started);
            bool hung = exitCode is null or OutOfTime;
            bool again = hung && attempts.Count + 1 < MostAttempts;
            string log = Keep(request.Name + (again ? ".hung" : ""), lines);
            attempts.Add(string.Create(CultureInfo.InvariantCulture, $"{request.Name}: attempt {attempts.Count + 1} took {time.TotalSeconds:0} s and {end}"));
            if (hung)
            {
                tell($"{attempts[^1]}{(again ? "; once more" : "")} (log: {log})");
            }

            if (!again)
            {
                return new GuestRun(request, exitCode, lines, attempts, sessions, log, visit);
            }
        }
    }

    // At its prompt.
    private (int? ExitCode, List<string> Lines, string End) Visit(
        GuestRequest request, IReadOnlyList<string> command, List<int> sessions, CancellationToken cancellation, out GuestVisit visit)
    {
        TimeSpan answer = request.Silence;
        string serial = Path.Combine(folder, $"{request.Name}.{Environment.ProcessId}.serial");
        using GuestConsole console = new([.. command, "--serial", serial], cancellation);
        sessions.Add(console.Session);
        string? answered = null;
        string? failure = null;
        int? code;
        try
        {
            _ = console.Expect("rig: a prompt", request.Limit + BootScriptsOwnTime, request.Silence);
            _ = console.Expect(Prompt, answer);
            console.Type($"{request.Visit!.Call}; echo \"code $?.\"\r");
            answered = console.Expect($"code {request.Visit.ExitCode}.", answer);
            _ = console.Expect(Prompt, answer);
            console.Type("exit\r");
            _ = console.Expect("rig: done ", answer);
            code = console.WaitForEnd(answer);
        }
        catch (TimeoutException e)
        {
            failure = e.Message;
            code = console.WaitForEnd(TimeSpan.FromSeconds(2));
        }

        if (code is null)
        {
            console.GiveUp();
        }

        visit = new GuestVisit(console.Seen, answered, failure);

        // The guest's own lines, which nothing comes between; what else the machine said comes behind them.
        List<string> lines = [.. Lines(File.Exists(serial) ? File.ReadAllText(serial, Encoding.Latin1) : "")];
        lines.AddRange(Lines(visit.Screen)
            .Where(line => !lines.Contains(line) && ByTheMachine.Any(start => line.StartsWith(start, StringComparison.Ordinal))));
        File.Delete(serial);
        string hangs = failure is null ? "did not power off: it hangs" : "did not do as it should: it hangs";
        return (code, lines, code is not null ? $"ended with code {code}" : hangs);
    }

    private static IEnumerable<string> Lines(string text) => text.Split('\n').Select(line => line.TrimEnd('\r'));

    private static (int? ExitCode, List<string> Lines, string End) Listen(
        GuestRequest request, IReadOnlyList<string> command, List<int> sessions, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        long heard = started;
        List<string> lines = [];
        using BlockingCollection<string> queue = [];
        using ProcessSession session = ProcessSession.Start(Checkout.Root, command);
        sessions.Add(session.Id);
        session.Input.Close();
        Thread[] readers = [Listen(session.Output, queue), Listen(session.Error, queue)];
        string? why = null;
        while (why is null && (readers.Any(reader => reader.IsAlive) || queue.Count != 0))
        {
            if (queue.TryTake(out string? line, Tick))
            {
                lines.Add(line);
                heard = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(heard) > request.Silence)
            {
                why = string.Create(CultureInfo.InvariantCulture, $"said nothing for {request.Silence.TotalSeconds:0} s");
            }

            if (Stopwatch.GetElapsedTime(started) > request.Limit + BootScriptsOwnTime)
            {
                why = string.Create(CultureInfo.InvariantCulture, $"did not end within {request.Limit.TotalSeconds:0} s");
            }

            cancellation.ThrowIfCancellationRequested();
        }

        session.End(TimeToTellItsState);
        foreach (Thread reader in readers)
        {
            reader.Join();
        }

        while (queue.TryTake(out string? line))
        {
            lines.Add(line);
        }

        return why is null
            ? (session.ExitCode, lines, $"ended with code {session.ExitCode}")
            : (null, lines, $"{why}: it hangs");
    }

    private static Thread Listen(StreamReader reader, BlockingCollection<string> queue)
    {
        Thread thread = new(() =>
        {
            while (reader.ReadLine() is { } line)
            {
                queue.Add(line);
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }

    // Written elsewhere and moved: another run in the same checkout may keep the same log at the same time.
    private string Keep(string name, List<string> lines)
    {
        string file = Path.Combine(folder, name + ".log");
        string draft = $"{file}.{Environment.ProcessId}";
        File.WriteAllLines(draft, lines);
        File.Move(draft, file, overwrite: true);
        return file;
    }
}
