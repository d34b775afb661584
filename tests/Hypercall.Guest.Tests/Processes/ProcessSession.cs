using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Hypercall.Guest.Tests.Processes;

/// <summary>
/// A program in a session of its own, so that whatever it starts can be found and ended with it. It also ends with the thread
/// that started it, however that ends: start it on a thread that stays.
/// </summary>
internal sealed class ProcessSession : IDisposable
{
    private static readonly TimeSpan UsualGrace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Reaping = LastResort.Bound; // a process in the kernel's hands ends a little later, on a busy machine much later

    private readonly Process _process;

    private ProcessSession(Process process)
    {
        _process = process;
        Id = process.Id;
    }

    /// <summary>The process, its session and its process group all have this number.</summary>
    public int Id { get; }

    public StreamReader Output => _process.StandardOutput;

    public StreamReader Error => _process.StandardError;

    public StreamWriter Input => _process.StandardInput;

    public int ExitCode => _process.ExitCode;

    /// <summary>Starts a program.</summary>
    /// <param name="folder">Where it runs.</param>
    /// <param name="command">The program and its arguments.</param>
    public static ProcessSession Start(string folder, params IReadOnlyList<string> command)
    {
        ProcessStartInfo start = new("setpriv")
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (string word in (IReadOnlyList<string>)["--pdeathsig", "TERM", "setsid", .. command])
        {
            start.ArgumentList.Add(word);
        }

        // A `dotnet` that runs these tests tells its children which MSBuild it was: another `dotnet` is to find its own.
        foreach (string name in start.Environment.Keys.Where(IsOfOurHost).ToArray())
        {
            _ = start.Environment.Remove(name);
        }

        return new ProcessSession(Process.Start(start) ?? throw new InvalidOperationException($"'{command[0]}' did not start."));
    }

    /// <summary>Waits for its end; false when it did not come in time.</summary>
    /// <param name="time">How long at most.</param>
    public bool WaitForExit(TimeSpan time) => _process.WaitForExit(time);

    /// <summary>Asks it to end, and ends it and everything in its session when it does not.</summary>
    /// <param name="grace">How long it may take to end by itself; 10 s when not given.</param>
    public void End(TimeSpan? grace = null)
    {
        if (!_process.HasExited)
        {
            _ = Libc.Kill(Id, Libc.SigTerm);
            _ = _process.WaitForExit(grace ?? UsualGrace);
        }

        _ = Libc.Kill(-Id, Libc.SigKill);
        for (long started = Stopwatch.GetTimestamp(); Members(Id) is { Count: > 0 } members && Stopwatch.GetElapsedTime(started) < Reaping; Thread.Sleep(20))
        {
            foreach (int member in members)
            {
                _ = Libc.Kill(member, Libc.SigKill);
            }
        }

        _process.WaitForExit();
    }

    /// <summary>The processes of a session that still run; one that ended and was not waited for does not count.</summary>
    /// <param name="session">Its number.</param>
    public static IReadOnlyList<int> Members(int session)
    {
        List<int> members = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int process))
            {
                continue;
            }

            try
            {
                // proc(5): number, (name), state, parent, group, session, ...; a name may have blanks and parentheses in it.
                string stat = File.ReadAllText(Path.Combine(folder, "stat"));
                string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                if (fields[0] is not ("Z" or "X") && int.Parse(fields[3], CultureInfo.InvariantCulture) == session)
                {
                    members.Add(process);
                }
            }
            catch (IOException)
            {
                // It has just ended.
            }
        }

        return members;
    }

    public void Dispose()
    {
        End();
        _process.Dispose();
    }

    private static bool IsOfOurHost(string name) =>
        name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)
        || name is "DOTNET_HOST_PATH" or "DOTNET_CLI_TEST_COMMAND_NAME" or "MSBuildSDKsPath" or "MSBuildExtensionsPath";
}
