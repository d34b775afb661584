using System.Text;
using System.Text.RegularExpressions;

namespace Hypercall.Docs.Tests;

/// <summary>A page: its blocks in their order, and what is left of it, line by line.</summary>
internal sealed partial class MarkdownPage
{
    private MarkdownPage(string path, IReadOnlyList<PageBlock> blocks, IReadOnlyList<(int Line, string Text)> prose)
    {
        Path = path;
        Blocks = blocks;
        Prose = prose;
    }

    /// <summary>From the root of the checkout, with forward slashes.</summary>
    public string Path { get; }

    public IReadOnlyList<PageBlock> Blocks { get; }

    /// <summary>The lines outside all blocks.</summary>
    public IReadOnlyList<(int Line, string Text)> Prose { get; }

    /// <summary>The targets of the page's headings, as GitHub names them.</summary>
    public IReadOnlySet<string> Anchors => Prose
        .Where(line => line.Text.StartsWith('#'))
        .Select(line => NotInAnchor().Replace(line.Text.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'))
        .ToHashSet();

    public static MarkdownPage Parse(string path, string text)
    {
        List<PageBlock> blocks = [];
        List<(int, string)> prose = [];
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            string? end = line.StartsWith("```", StringComparison.Ordinal) ? "```" : line == "<!-- csharp" ? "-->" : null;
            if (end is null)
            {
                prose.Add((i + 1, line));
                continue;
            }

            string[] words = (end == "```" ? line[3..] : "csharp").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            StringBuilder body = new();
            int start = i + 2;
            for (i++; i < lines.Length && lines[i] != end; i++)
            {
                _ = body.Append(lines[i]).Append('\n');
            }

            if (i == lines.Length)
            {
                throw new InvalidDataException($"{path}:{start - 1}: this block has no end.");
            }

            blocks.Add(new PageBlock(words.ElementAtOrDefault(0) ?? "", words.ElementAtOrDefault(1) ?? "", start, body.ToString()));
        }

        return new MarkdownPage(path, blocks, prose);
    }

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
