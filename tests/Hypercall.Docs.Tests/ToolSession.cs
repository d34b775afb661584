using System.Diagnostics;
using System.Globalization;

namespace Hypercall.Docs.Tests;

/// <summary>
/// A block of a page that shows the tool or a sample at work: <c>$ hypercall ...</c> or <c>$ dotnet run --project PROJECT --
/// ...</c>, the project in <c>samples/</c> or the tool's, and what it prints, again and again. <c>$ echo $?</c> tells the exit
/// code.
/// </summary>
internal static class ToolSession
{
    private const string Prompt = "$ ";
    private const string Samples = "samples/";
    private const string Tool = "src/Hypercall.Cli";

    /// <summary>Runs what the block shows.</summary>
    /// <returns>What is wrong, each with the page's line.</returns>
    public static IEnumerable<string> Check(string page, PageBlock block)
    {
        string[] lines = block.Text.TrimEnd('\n').Split('\n');
        int exitCode = 0;
        for (int i = 0; i < lines.Length;)
        {
            int at = i;
            string command = lines[i].StartsWith(Prompt, StringComparison.Ordinal) ? lines[i][Prompt.Length..] : "";
            string expected = string.Join('\n', lines.Skip(++i).TakeWhile(line => !line.StartsWith(Prompt, StringComparison.Ordinal)));
            i += expected.Length == 0 ? 0 : expected.Count(c => c == '\n') + 1;
            string? actual = command == "echo $?" ? exitCode.ToString(CultureInfo.InvariantCulture) : Run(command, out exitCode);
            if (actual is null)
            {
                yield return $"{page}:{block.Line + at}: a console block holds lines '$ hypercall ...', "
                    + $"'$ dotnet run --project samples/NAME -- ...' (or {Tool}) and '$ echo $?', each with what it prints; "
                    + $"not '{lines[at]}'.";
            }
            else if (!PageOutput.Matches(expected, actual))
            {
                yield return $"{page}:{block.Line + at}: '{command}' prints, so says the page:\n{expected}\nand it printed:\n{actual}";
            }
        }
    }

    private static string? Run(string command, out int exitCode)
    {
        exitCode = 0;
        string[] words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        (string Program, string[] Args)? what = words switch
        {
            ["hypercall", .. string[] args] => ("hypercall", args),
            ["dotnet", "run", "--project", Tool, "--", .. string[] args] => ("hypercall", args),
            ["dotnet", "run", "--project", string project, "--", .. string[] args] when project.StartsWith(Samples, StringComparison.Ordinal) => (project[Samples.Length..], args),
            _ => null,
        };
        if (what is not { } found)
        {
            return null;
        }

        // Both are built with these tests, and lie beside them.
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, $"{found.Program}.dll"), .. found.Args])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["Vmm__SlowAfter"] = start.Environment["Vmm__HungAfter"] = "01:00:00"; // samples/VmmWatch: a slow machine is no slow VMM
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        if (!process.WaitForExit(LastResort.Bound))
        {
            process.Kill(entireProcessTree: true);
        }

        exitCode = process.ExitCode;
        return output;
    }
}
