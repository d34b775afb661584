using System.ComponentModel;
using System.Diagnostics;

namespace Hypercall.Tests;

/// <summary>One run of a program. It never outlives its bound, nor do its children.</summary>
internal sealed record ProcessRun(int ExitCode, string Out, string Error)
{
    public static async Task<ProcessRun> OfAsync(string program, TimeSpan bound, params string[] args)
    {
        ProcessStartInfo start = new(program, args) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en"; // tests read what `dotnet` says
        using Process process = Process.Start(start)!;
        using CancellationTokenSource late = new(bound);
        try
        {
            process.StandardInput.Close();
            Task<string> results = process.StandardOutput.ReadToEndAsync(late.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(late.Token);
            await process.WaitForExitAsync(late.Token);
            return new ProcessRun(process.ExitCode, await results, await errors);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{program} {string.Join(' ', args)} was still running after {bound}.");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>Whether a program can be started at all.</summary>
    public static async Task<bool> CanAsync(string program, params string[] args)
    {
        try
        {
            return (await OfAsync(program, LastResort.Bound, args)).ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
