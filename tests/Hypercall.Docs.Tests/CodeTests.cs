using System.Diagnostics;

namespace Hypercall.Docs.Tests;

/// <summary>The code of the pages: it compiles, it runs, and it prints what the page says.</summary>
public class CodeTests
{
    private static readonly string[] Languages = ["csharp", "console", "sh", "text", "c", "python", "xml", "json", ""];

    public static TheoryData<string> Pages => [.. Guide.PagePaths];

    [Theory]
    [MemberData(nameof(Pages))]
    public void The_code_of_a_page_compiles_runs_and_prints_what_the_page_says(string page)
    {
        string[] wrong = [.. PageProgram.Of(Guide.Page(page)).SelectMany(program => program.Check())];
        Assert.True(wrong.Length == 0, string.Join("\n\n", wrong));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void What_a_page_shows_of_the_tool_is_what_the_tool_prints(string page)
    {
        string[] wrong = [.. Guide.Page(page).Blocks.Where(block => block.Language == "console").SelectMany(block => ToolSession.Check(page, block))];
        Assert.True(wrong.Length == 0, string.Join("\n\n", wrong));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void The_C_of_a_page_compiles(string page)
    {
        PageBlock[] blocks = [.. Guide.Page(page).Blocks.Where(block => block.Language == "c")];
        Assert.SkipWhen(blocks.Length != 0 && !IsThere("gcc"), "There is no gcc here.");
        Assert.All(blocks, block => Assert.Equal("", Errors("gcc", ["-x", "c", "-fsyntax-only", "-Wall", "-"], block.Text)));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void The_Python_of_a_page_compiles(string page)
    {
        PageBlock[] blocks = [.. Guide.Page(page).Blocks.Where(block => block.Language == "python")];
        Assert.SkipWhen(blocks.Length != 0 && !IsThere("python3"), "There is no python3 here.");
        Assert.All(blocks, block => Assert.Equal("", Errors("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], block.Text)));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void No_block_is_in_a_language_that_nobody_checks(string page)
    {
        // "cs", "c#", "shell" and the like would look well and be tested by nothing.
        Assert.All(Guide.Page(page).Blocks, block => Assert.Contains(block.Language, Languages));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void A_fence_is_one_that_these_tests_see(string page)
    {
        Assert.DoesNotContain(Guide.Page(page).Prose, line => line.Text.TrimStart() is ['`', '`', '`', ..] or ['~', '~', '~', ..]);
    }

    private static bool IsThere(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string Errors(string program, string[] arguments, string input)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return errors + (process.ExitCode == 0 ? "" : $"exit code {process.ExitCode}");
    }
}
