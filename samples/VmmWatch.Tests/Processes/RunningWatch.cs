using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace VmmWatch.Tests.Processes;

/// <summary>The program as an operator starts it. It never outlives its test.</summary>
internal sealed partial class RunningWatch : IDisposable
{
    private const int SigTerm = 15; // signal(7)

    private readonly Process _process;
    private readonly StringBuilder _seen = new();
    private readonly Dictionary<string, TaskCompletionSource> _awaited = [];

    private RunningWatch(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => See(line.Data);
        process.ErrorDataReceived += (_, line) => See(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>The program that was built with these tests.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "VmmWatch.dll");

    public int Id => _process.Id;

    /// <summary>Starts it.</summary>
    /// <param name="args">Its command line.</param>
    public static RunningWatch Start(params string[] args)
    {
        ProcessStartInfo start = new("dotnet", [Program, .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        return new RunningWatch(Process.Start(start)!);
    }

    /// <summary>Waits for a line that holds a text.</summary>
    /// <param name="text">The text.</param>
    public async Task ExpectAsync(string text)
    {
        TaskCompletionSource shown = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_seen)
        {
            if (_seen.ToString().Contains(text, StringComparison.Ordinal))
            {
                return;
            }

            _awaited[text] = shown;
        }

        try
        {
            await shown.Task.WaitAsync(TestWatch.Limit);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"It did not print '{text}'. It printed:\n{_seen}");
        }
    }

    /// <summary>Asks it to end, as a service manager does, and waits until it has.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> TerminateAsync()
    {
        Assert.Equal(0, Kill(Id, SigTerm));
        await _process.WaitForExitAsync().WaitAsync(TestWatch.Limit);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    private void See(string? line)
    {
        lock (_seen)
        {
            _ = _seen.Append(line).Append('\n');
            foreach (string text in _awaited.Keys.Where(text => line?.Contains(text, StringComparison.Ordinal) == true).ToArray())
            {
                _ = _awaited.Remove(text, out TaskCompletionSource? shown);
                shown!.SetResult();
            }
        }
    }
}
