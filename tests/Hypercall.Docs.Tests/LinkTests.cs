using System.Text.RegularExpressions;

namespace Hypercall.Docs.Tests;

/// <summary>What the pages point to.</summary>
public partial class LinkTests
{
    public static TheoryData<string> Pages => [.. Guide.PagePaths];

    [Theory]
    [MemberData(nameof(Pages))]
    public void A_link_leads_to_a_file_and_a_heading_that_are_there(string page)
    {
        Assert.Empty(DeadLinks(Guide.Page(page)));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void A_file_that_a_page_names_is_there(string page)
    {
        Assert.Empty(MissingFiles(Guide.Page(page)));
    }

    [Fact]
    public void The_README_links_every_page_of_the_guide()
    {
        string readme = File.ReadAllText(Checkout.Full("README.md"));
        string[] guide = [.. Guide.PagePaths.Where(path => path.StartsWith("docs/", StringComparison.Ordinal))];
        Assert.NotEmpty(guide);
        Assert.DoesNotContain(guide, path => !readme.Contains($"]({path})", StringComparison.Ordinal));
    }

    [Fact]
    public void A_dead_link_is_found()
    {
        MarkdownPage page = MarkdownPage.Parse("docs/x.md", "[a](../README.md) [b](nowhere.md) [c](../README.md#no-such-heading) [d](https://example.org/x)\n");
        Assert.Equal(["docs/x.md:1: nowhere.md", "docs/x.md:1: ../README.md#no-such-heading"], DeadLinks(page));
    }

    [Fact]
    public void A_file_that_is_gone_is_found()
    {
        MarkdownPage page = MarkdownPage.Parse("docs/x.md", "Look at `src/Nowhere/Gone.cs`, at `src/Nowhere/README.md`, at `src/Hypercall.Cli`, and at `src/Nowhere/of-VENDOR.cs`.\n");
        Assert.Equal(["docs/x.md:1: src/Nowhere/Gone.cs", "docs/x.md:1: src/Nowhere/README.md"], MissingFiles(page));
    }

    private static IEnumerable<string> DeadLinks(MarkdownPage page) =>
        from line in page.Prose
        from Match link in Link().Matches(line.Text)
        let target = link.Groups[1].Value
        where !target.Contains("://", StringComparison.Ordinal) && !IsThere(page, target)
        select $"{page.Path}:{line.Line}: {target}";

    private static bool IsThere(MarkdownPage page, string target)
    {
        string[] parts = target.Split('#', 2);
        string folder = Path.GetDirectoryName(page.Path) ?? "";
        string path = parts[0].Length == 0 ? page.Path : Path.GetRelativePath(Checkout.Root, Path.GetFullPath(Path.Combine(Checkout.Root, folder, parts[0]))).Replace('\\', '/');
        bool exists = Path.Exists(Checkout.Full(path));
        return exists && (parts.Length == 1 || Guide.Page(path).Anchors.Contains(parts[1]));
    }

    private static IEnumerable<string> MissingFiles(MarkdownPage page) =>
        from line in page.Prose.Concat(page.Blocks.Where(block => block.Language == "sh").SelectMany(block => block.Text.Split('\n').Select((text, i) => (block.Line + i, text))))
        from Match file in NamedFile().Matches(line.Item2)
        let path = file.Value.TrimEnd('.', '/', ',')
        where !Path.Exists(Checkout.Full(path)) && !Placeholder().IsMatch(path)
        select $"{page.Path}:{line.Item1}: {path}";

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    // 'required-MACHINE.txt' names several files.
    [GeneratedRegex("(?<![A-Za-z])[A-Z]{4,}(?![A-Za-z]|[.]md)")]
    private static partial Regex Placeholder();

    // Not after a slash or a word: 'github.com/x/src/y' is somebody else's.
    [GeneratedRegex(@"(?<![\w/.~-])(src|tests|docs|rig|eng|benchmarks|samples)/[A-Za-z][\w./-]*")]
    private static partial Regex NamedFile();
}
