using System.Globalization;

namespace Hypercall.TestReport;

/// <summary>A run of all test assemblies, and what it has to say.</summary>
internal sealed class TestRun
{
    // Of tests that were skipped for one reason, so many are named.
    private const int MostNames = 3;

    private int _passed;
    private int _failed;
    private int _skipped;

    public required IReadOnlyList<ResultFile> Files { get; init; }

    /// <summary>Of `dotnet test`.</summary>
    public required int ExitCode { get; init; }

    public int Seconds { get; init; }

    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Which tests were to run; empty for all.</summary>
    public string Filter { get; init; } = "";

    public string Folder { get; init; } = "";

    /// <summary>Prints, for each test that was skipped or failed, what it said; then the notes; then the totals.</summary>
    /// <param name="output">Where.</param>
    /// <returns>Whether tests ran, and all is well.</returns>
    public bool Print(TextWriter output)
    {
        _passed = Files.Sum(file => file.Results.Count(result => result.IsPassed));
        output.WriteLine();
        PrintSkipped(output);
        foreach (ResultFile file in Files)
        {
            PrintFailed(output, file);
        }

        foreach (string note in Notes)
        {
            output.WriteLine($"GUESTS  {note}");
        }

        if (ExitCode != 0 && _failed == 0)
        {
            _failed = 1;
            output.WriteLine($"FAILED  dotnet test ended with code {ExitCode} although no test failed: see above");
        }

        bool ran = _passed + _failed > 0;
        if (!ran)
        {
            output.WriteLine($"No test ran{(Filter.Length == 0 ? "" : $": none matches '{Filter}'")}.");
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Took {Seconds} s. Results: {Folder}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_passed} passed, {_failed} failed, {_skipped} skipped"));
        return ran && _failed == 0;
    }

    /// <summary>Many tests may be skipped for one reason.</summary>
    private void PrintSkipped(TextWriter output)
    {
        var reasons = Files.SelectMany(file => file.Results).Where(result => result.IsSkipped)
            .GroupBy(result => Lines(result.Message.Length != 0 ? result.Message : result.Output, 5));
        foreach (IGrouping<string, TestResult> reason in reasons)
        {
            int count = reason.Count();
            _skipped += count;
            foreach (TestResult result in reason.Take(MostNames))
            {
                output.WriteLine($"SKIPPED {result.Name}");
            }

            if (count > MostNames)
            {
                output.WriteLine($"SKIPPED {count - MostNames} more (in the TRX files), all of them because:");
            }

            output.Write(reason.Key);
        }
    }

    private void PrintFailed(TextWriter output, ResultFile file)
    {
        foreach (TestResult result in file.Results.Where(result => result.IsFailed))
        {
            _failed++;
            output.WriteLine($"FAILED  {result.Name}{(result.Outcome == "Failed" ? "" : $" ({result.Outcome})")}");
            output.Write(Lines(result.Message, 40));
            output.Write(Lines(result.StackTrace, 20));
        }

        if (file.IsCutShort)
        {
            _failed++;
            output.WriteLine($"FAILED  the run of {file.Assembly} ({file.Summary})");
            output.Write(Lines(file.Crash, 12));
        }
    }

    /// <summary>The first lines of a text, each indented and with its end; empty of an empty text.</summary>
    private static string Lines(string text, int most)
    {
        string[] lines = text.Trim() is { Length: > 0 } all ? all.ReplaceLineEndings("\n").Split('\n') : [];
        string more = lines.Length > most
            ? $"    ... ({lines.Length - most} more lines, in the TRX file){Environment.NewLine}" : "";
        return string.Concat(lines.Take(most).Select(line => $"    {line}{Environment.NewLine}")) + more;
    }
}
