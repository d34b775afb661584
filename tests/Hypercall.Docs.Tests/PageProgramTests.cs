namespace Hypercall.Docs.Tests;

/// <summary>A block that is wrong turns a test red, and the failure names the page's line.</summary>
public class PageProgramTests
{
    [Fact]
    public void Blocks_share_a_scope_in_their_order()
    {
        Assert.Empty(Check("""
            ```csharp
            int one = 1;
            ```
            ```csharp
            Console.WriteLine(one + Two.Value);
            static class Two { public const int Value = 2; }
            ```
            ```text output
            3
            ```
            """));
    }

    [Fact]
    public void A_block_that_does_not_compile_is_named_by_its_line()
    {
        string wrong = Assert.Single(Check("""
            A page.
            ```csharp
            int one = 1;
            int two = three;
            ```
            """));
        Assert.StartsWith("docs/page.md:4: CS0103", wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void A_block_that_is_not_even_C_is_wrong() => Assert.NotEmpty(Check("```csharp\n}} int\n```\n"));

    [Fact]
    public void What_a_reader_s_build_would_warn_of_is_wrong()
    {
        Assert.Contains("CS8600", Assert.Single(Check("```csharp\nstring text = null;\nConsole.WriteLine(text?.Length);\n```\n")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_block_that_throws_is_wrong()
    {
        string wrong = Assert.Single(Check("text\n```csharp\nthrow new InvalidDataException(\"no\");\n```\n"));
        Assert.Contains("docs/page.md:line 3", wrong, StringComparison.Ordinal);
    }

    [Fact]
    public void Output_that_is_not_what_the_page_says_is_wrong()
    {
        Assert.Single(Check("```csharp\nConsole.WriteLine(1);\n```\n```text output\n2\n```\n"));
    }

    [Fact]
    public void Output_is_compared_with_what_was_printed_since_the_last_one()
    {
        Assert.Empty(Check("```csharp\nConsole.WriteLine(1);\n```\n```text output\n1\n```\n```csharp\nConsole.WriteLine(2);\n```\n```text output\n2\n```\n"));
    }

    [Fact]
    public void A_block_marked_compile_is_compiled_and_not_run()
    {
        Assert.Empty(Check("```csharp compile\nthrow new InvalidDataException();\n```\n"));
        Assert.Single(Check("```csharp compile\nnowhere();\n```\n"));
    }

    [Fact]
    public void A_block_marked_new_starts_a_program_of_its_own()
    {
        Assert.Empty(Check("```csharp\nint one = 1;\n```\n```csharp new\nint one = 2;\n```\n"));
        Assert.NotEmpty(Check("```csharp\nint one = 1;\n```\n```csharp\nint one = 2;\n```\n"));
    }

    [Fact]
    public void Code_in_a_comment_belongs_to_the_program()
    {
        Assert.Empty(Check("<!-- csharp\nint one = 1;\n-->\n```csharp\nConsole.WriteLine(one);\n```\n"));
    }

    [Fact]
    public void A_mark_that_means_nothing_is_refused()
    {
        Assert.Throws<InvalidDataException>(() => Check("```csharp skip\nint one = 1;\n```\n"));
    }

    [Theory]
    [InlineData("a\n...\nd", "a\nb\nc\nd", true)]
    [InlineData("a\n...\nd", "a\nb\nc", false)]
    [InlineData("a...", "abc", true)]
    [InlineData("a", "abc", false)]
    [InlineData("", "a", false)]
    [InlineData("a", "", false)]
    public void Three_dots_stand_for_what_a_page_leaves_out(string expected, string actual, bool same)
    {
        Assert.Equal(same, PageOutput.Matches(expected, actual));
    }

    [Fact]
    public void A_command_that_prints_something_else_is_wrong()
    {
        PageBlock block = new("console", "", 7, "$ hypercall call add --vmm fake --fake none\nAll is well.\n");
        Assert.StartsWith("docs/page.md:7:", Assert.Single(ToolSession.Check("docs/page.md", block)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_of_somebody_else_is_not_run()
    {
        Assert.Single(ToolSession.Check("docs/page.md", new PageBlock("console", "", 1, "$ rm -r /nowhere\n")));
    }

    private static string[] Check(string text) =>
        [.. PageProgram.Of(MarkdownPage.Parse("docs/page.md", text)).SelectMany(program => program.Check())];
}
