using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Hypercall.Guest.Tests.Processes;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>Boots a guest and listens to it until it ends; once more when it hangs.</summary>
/// <param name="folder">Where logs are kept.</param>
/// <param name="tell">Takes what a person should read: an attempt that hung.</param>
internal sealed class GuestBoot(string folder, Action<string> tell)
{
    private const int MostAttempts = 2;
    private const int OutOfTime = 124; // rig/boot --help

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
            (int? exitCode, List<string> lines, TimeSpan time, string end) = Attempt(request, command, sessions, cancellation);
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
                return new GuestRun(request, exitCode, lines, attempts, sessions, log);
            }
        }
    }

    private static (int? ExitCode, List<string> Lines, TimeSpan Time, string End) Attempt(
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
            ? (session.ExitCode, lines, Stopwatch.GetElapsedTime(started), $"ended with code {session.ExitCode}")
            : (null, lines, Stopwatch.GetElapsedTime(started), $"{why}: it hangs");
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
