using System.Diagnostics;
using System.Xml.Linq;

namespace Hypercall.TestReport.Tests;

/// <summary>What ./test says at its end, of TRX files that are made up.</summary>
public sealed class TestRunTests : IDisposable
{
    private static readonly XNamespace Trx = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hypercall-report-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void What_passed_failed_and_was_skipped_is_counted_over_all_files()
    {
        Write("A", "Failed", Result("a", "Passed"), Result("b", "Failed", "no"));
        Write("B", "Completed", Result("c", "Passed"), Result("d", "NotExecuted", "not here"));
        (string output, bool isWell) = Print(exitCode: 1);
        Assert.EndsWith("2 passed, 1 failed, 1 skipped\n", output, StringComparison.Ordinal);
        Assert.False(isWell);
    }

    [Fact]
    public void When_all_is_well_little_is_said()
    {
        Write("A", "Completed", Result("a", "Passed"));
        Assert.Equal(("\nTook 7 s. Results: the folder\n1 passed, 0 failed, 0 skipped\n", true), Print(seconds: 7));
    }

    [Fact]
    public void A_failed_test_tells_its_message_then_where()
    {
        Write("A", "Failed", Result("a(x: \"<&>\")", "Failed", "\r\n  Expected: 1\r\n  Actual:   2\n", "   at A.a()\n   at B"));
        Assert.StartsWith(
            "\nFAILED  a(x: \"<&>\")\n    Expected: 1\n      Actual:   2\n    at A.a()\n       at B\nTook",
            Print(exitCode: 1).Output,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Error", "FAILED  a (Error)\n")]
    [InlineData("Timeout", "FAILED  a (Timeout)\n")]
    [InlineData("", "FAILED  a (no outcome)\n")]
    public void An_outcome_that_is_no_pass_is_a_failure_and_is_told(string outcome, string line)
    {
        Write("A", "Failed", Result("a", outcome));
        Assert.Contains(line, Print(exitCode: 1).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_message_is_cut_and_says_so()
    {
        string message = string.Join('\n', Enumerable.Range(1, 45));
        Write("A", "Failed", Result("a", "Failed", message, string.Join('\n', Enumerable.Range(101, 30))));
        string output = Print(exitCode: 1).Output;
        Assert.Contains("    40\n    ... (5 more lines, in the TRX file)\n    101\n", output, StringComparison.Ordinal);
        Assert.Contains("    120\n    ... (10 more lines, in the TRX file)\nTook", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Tests_that_were_skipped_for_one_reason_share_it()
    {
        Write(
            "A", "Completed", Result("a", "NotExecuted", "no root"), Result("b", "NotExecuted", "no wine"), Result("c", "Passed"));
        Write("B", "Completed", [.. "defg".Select(name => Result($"{name}", "NotExecuted", "no root"))]);
        Assert.StartsWith(
            "\nSKIPPED a\nSKIPPED d\nSKIPPED e\nSKIPPED 2 more (in the TRX files), all of them because:\n    no root\n"
            + "SKIPPED b\n    no wine\nTook",
            Print().Output,
            StringComparison.Ordinal);
        Assert.EndsWith("1 passed, 0 failed, 6 skipped\n", Print().Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reason_may_be_in_the_output() // where xunit v2 puts it
    {
        Write("A", "Completed", Result("a", "NotExecuted", output: "not on this machine"), Result("b", "Passed", output: "all"));
        Assert.StartsWith("\nSKIPPED a\n    not on this machine\nTook", Print().Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("The active test run was aborted. Reason: Test host process crashed")]
    [InlineData("Test host process crashed : Fatal error.")]
    public void A_test_host_that_ended_is_a_failure_beside_those_of_its_tests(string text)
    {
        Write("Hypercall.A.Tests", "Failed", [Result("a", "Passed"), Result("b", "Failed", "no")], text);
        string output = Print(exitCode: 1).Output;
        Assert.Contains($"FAILED  the run of Hypercall.A.Tests (Failed)\n    {text}\n", output, StringComparison.Ordinal);
        Assert.EndsWith("1 passed, 2 failed, 0 skipped\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_did_not_complete_though_no_test_failed_is_a_failure()
    {
        Write("A", "Aborted", Result("a", "Passed"));
        Assert.EndsWith(
            "\nFAILED  the run of A (Aborted)\nTook 0 s. Results: the folder\n1 passed, 1 failed, 0 skipped\n",
            Print().Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_exit_code_without_a_failed_test_is_a_failure()
    {
        Write("A", "Completed", Result("a", "Passed"));
        (string output, bool isWell) = Print(exitCode: 3);
        Assert.Contains(
            "FAILED  dotnet test ended with code 3 although no test failed: see above\n", output, StringComparison.Ordinal);
        Assert.EndsWith("1 passed, 1 failed, 0 skipped\n", output, StringComparison.Ordinal);
        Assert.False(isWell);
    }

    [Theory]
    [InlineData("", "No test ran.\n")]
    [InlineData("Name~Nowhere", "No test ran: none matches 'Name~Nowhere'.\n")]
    public void A_run_without_tests_is_no_success(string filter, string line)
    {
        Assert.Equal(($"\n{line}Took 0 s. Results: the folder\n0 passed, 0 failed, 0 skipped\n", false), Print(filter: filter));
    }

    [Fact]
    public void A_run_in_which_all_was_skipped_is_no_success()
    {
        Write("A", "Completed", Result("a", "NotExecuted", "no"));
        Assert.False(Print().IsWell);
    }

    [Fact]
    public void Notes_of_guests_are_told_before_the_totals()
    {
        Write("A", "Completed", Result("a", "Passed"));
        string output = Print(notes: ["amd booted twice", "intel"]).Output;
        Assert.StartsWith("\nGUESTS  amd booted twice\nGUESTS  intel\nTook", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_cut_off_is_a_failure_and_is_named()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "A.trx"), "<TestRun><Results><UnitTest");
        string output = Print(exitCode: 1).Output;
        Assert.Contains("FAILED  the run of A (Unreadable)\n", output, StringComparison.Ordinal);
        Assert.Contains("A.trx is no XML", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_character_that_XML_has_not_does_no_harm()
    {
        File.WriteAllText(
            Path.Combine(_folder.FullName, "A.trx"),
            "<TestRun><Results><UnitTestResult testName=\"a&#x1B;\" outcome=\"Passed\" /></Results></TestRun>");
        Assert.EndsWith("1 passed, 0 failed, 0 skipped\n", Print().Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_program_reads_a_folder_prints_and_ends_with_0_or_1_or_2()
    {
        Write("A", "Completed", Result("a", "Passed"));
        string notes = Path.Combine(_folder.FullName, "notes.txt");
        File.WriteAllText(notes, "amd booted twice\n");
        (int code, string output) = await Program(_folder.FullName, "0", "12", notes, "");
        Assert.Equal(0, code);
        Assert.Equal($"\nGUESTS  amd booted twice\nTook 12 s. Results: {_folder.FullName}\n1 passed, 0 failed, 0 skipped\n", output);
        Assert.Equal(1, (await Program(_folder.FullName, "1", "12", notes + "-not", "")).Code);
        Assert.Equal(2, (await Program(_folder.FullName)).Code);
    }

    private static async Task<(int Code, string Output)> Program(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [typeof(TestRun).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output.ReplaceLineEndings("\n"));
    }

    private static XElement Result(
        string name, string outcome, string? message = null, string? stack = null, string? output = null) => new(
        Trx + "UnitTestResult",
        new XAttribute("testName", name),
        new XAttribute("outcome", outcome),
        new XElement(
            Trx + "Output",
            output is null ? null : new XElement(Trx + "StdOut", output),
            new XElement(
                Trx + "ErrorInfo",
                message is null ? null : new XElement(Trx + "Message", message),
                stack is null ? null : new XElement(Trx + "StackTrace", stack))));

    private void Write(string assembly, string summary, params XElement[] results) =>
        Write(assembly, summary, results, "[xUnit.net] Discovered: A");

    private void Write(string assembly, string summary, XElement[] results, string text)
    {
        XElement infos = new(Trx + "RunInfos", new XElement(Trx + "RunInfo", new XElement(Trx + "Text", text)));
        XElement run = new(
            Trx + "TestRun",
            new XElement(Trx + "Results", results),
            new XElement(Trx + "ResultSummary", new XAttribute("outcome", summary), infos));
        run.Save(Path.Combine(_folder.FullName, $"{assembly}.trx"));
    }

    private (string Output, bool IsWell) Print(int exitCode = 0, int seconds = 0, string filter = "", params string[] notes)
    {
        TestRun run = new()
        {
            Files = [.. Directory.GetFiles(_folder.FullName, "*.trx").Order(StringComparer.Ordinal).Select(ResultFile.Read)],
            ExitCode = exitCode,
            Seconds = seconds,
            Notes = notes,
            Filter = filter,
            Folder = "the folder",
        };
        using StringWriter output = new();
        bool isWell = run.Print(output);
        return (output.ToString().ReplaceLineEndings("\n"), isWell);
    }
}
