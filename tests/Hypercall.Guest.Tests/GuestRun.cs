using System.Diagnostics;

namespace Hypercall.Guest.Tests;

/// <summary>One boot of a guest that runs the whole conformance suite; all tests of a machine share it.</summary>
internal sealed class GuestRun
{
    private GuestRun(int exitCode, string[] log, string path, string? retried)
    {
        ExitCode = exitCode;
        Log = log;
        LogPath = path;
        Retried = retried;
        Results = new TapResults(log);
    }

    /// <summary>rig/boot's: 0 all well, 3 something failed, 4 and 5 the machine ended early, 124 out of time.</summary>
    public int ExitCode { get; }

    public string[] Log { get; }

    public string LogPath { get; }

    /// <summary>What became of a first try, when there were two.</summary>
    public string? Retried { get; }

    public TapResults Results { get; }

    public static GuestRun Of(string name, string machine, TimeSpan bound, string arguments, params string[] more)
    {
        Directory.CreateDirectory(Rig.Logs);
        string[] options =
        [
            machine, "--timeout", $"{(int)bound.TotalSeconds}", "--append", $"quiet rig.swap=64M rig.run=conformance{arguments.Replace(' ', ',')}", .. more,
        ];
        GuestRun first = Once(name, bound, options, null);

        // An emulated boot may hang before anything of ours runs. What hangs later is ours.
        return first.Results.Planned != 0 || first.ExitCode is not (4 or 124)
            ? first
            : Once(name + "-retry", bound, options, $"The first boot ended with {first.ExitCode} before the suite began: {first.LogPath}");
    }

    private static GuestRun Once(string name, TimeSpan bound, string[] options, string? retried)
    {
        string path = Path.Combine(Rig.Logs, $"{name}.log");
        using Process process = Rig.Boot(options);
        process.StandardInput.Close();
        List<string> lines = [];
        using StreamWriter file = new(path);
        void Take(object _, DataReceivedEventArgs line)
        {
            if (line.Data is { } text)
            {
                lock (lines)
                {
                    lines.Add(text);
                    file.WriteLine(text);
                }
            }
        }

        process.OutputDataReceived += Take;
        process.ErrorDataReceived += Take;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            if (!process.WaitForExit(bound + TimeSpan.FromMinutes(2)))
            {
                throw new TimeoutException($"rig/boot did not keep its own time limit: {path}");
            }

            process.WaitForExit(); // the last lines
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }

        return new GuestRun(process.ExitCode, [.. lines], path, retried);
    }
}
