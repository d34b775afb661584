using System.Text.RegularExpressions;

namespace Hypercall.Docs.Tests;

/// <summary>The README is short, and its first screen answers what a visitor asks.</summary>
public sealed partial class ReadmeTests
{
    private const int MostWords = 700;
    private const int FirstScreen = 55;

    private static readonly MarkdownPage Readme = Guide.Page("README.md");

    private static readonly string[] Screen = [.. File.ReadLines(Checkout.Full(Readme.Path)).Take(FirstScreen)];

    [Fact]
    public void It_has_at_most_700_words_of_prose() => Assert.InRange(Words(Readme), 1, MostWords);

    [Theory]
    [InlineData("## Is this for me?")]
    [InlineData("| KVM |")]
    [InlineData("$ dotnet run --project src/Hypercall.Cli -- demo")]
    [InlineData("./test")]
    public void The_first_screen_has(string text) =>
        Assert.Contains(Screen, line => line.StartsWith(text, StringComparison.Ordinal));

    [Fact]
    public void The_first_screen_says_what_each_convention_s_VMM_does_today()
    {
        string[] rows = [.. Screen.Where(line => line.StartsWith('|'))];
        string[] vmms = [.. HypercallConvention.All.Select(known => known.Name.Replace("-port", "", StringComparison.Ordinal))];
        Assert.All(vmms, vmm => Assert.Contains(rows, row => row.Split('|')[1].Contains(vmm, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("one two\n", 2)]
    [InlineData("# A heading\n", 2)]
    [InlineData("* a point - with a dash\n", 5)]
    [InlineData("[two words](docs/nowhere.md#a-b-c) here\n", 3)]
    [InlineData("| a | table |\n|---|---|\n", 0)]
    [InlineData("```sh\n./test --all\n```\n", 0)]
    [InlineData("<!-- csharp\nint one = 1;\n-->\n", 0)]
    public void Prose_is_what_is_no_code_and_no_table(string text, int words) =>
        Assert.Equal(words, Words(MarkdownPage.Parse("page.md", text)));

    private static int Words(MarkdownPage page) => page.Prose
        .Where(line => !line.Text.StartsWith('|'))
        .Sum(line => Word().Count(LinkTarget().Replace(line.Text, "]")));

    [GeneratedRegex(@"\S*[\p{L}\p{N}]\S*")]
    private static partial Regex Word();

    [GeneratedRegex(@"\]\([^)]*\)")]
    private static partial Regex LinkTarget();
}
