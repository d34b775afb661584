namespace Hypercall.Docs.Tests;

/// <summary>What a page says is printed, held against what was.</summary>
internal static class PageOutput
{
    /// <summary>
    /// Whether they agree. How many blanks or tabs stand together does not count, nor do empty lines at the end; a line of three
    /// dots stands for any number of lines, and three dots at a line's end for the rest of that line.
    /// </summary>
    public static bool Matches(string expected, string actual) => Matches(Lines(expected), Lines(actual));

    private static ReadOnlySpan<string> Lines(string text) =>
        text.ReplaceLineEndings("\n").TrimEnd().Split('\n').Select(line => string.Join(' ', line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))).ToArray();

    private static bool Matches(ReadOnlySpan<string> expected, ReadOnlySpan<string> actual)
    {
        if (expected.IsEmpty || actual.IsEmpty)
        {
            return actual.IsEmpty && (expected.IsEmpty || (expected is ["..."]));
        }

        if (expected[0] == "...")
        {
            return Matches(expected[1..], actual) || Matches(expected, actual[1..]);
        }

        bool same = expected[0].EndsWith("...", StringComparison.Ordinal)
            ? actual[0].StartsWith(expected[0][..^3], StringComparison.Ordinal)
            : actual[0] == expected[0];
        return same && Matches(expected[1..], actual[1..]);
    }
}
