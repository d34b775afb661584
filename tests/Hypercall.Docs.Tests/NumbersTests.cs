using System.Text.RegularExpressions;

namespace Hypercall.Docs.Tests;

/// <summary>docs/numbers.md explains what benchmarks/run measures, row by row.</summary>
public sealed partial class NumbersTests
{
    private static readonly string Numbers = File.ReadAllText(Checkout.Full("docs/numbers.md"));

    public static TheoryData<string> Rows => [.. Claims().Select(row => row.What)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Each_row_is_explained(string row) => Assert.Contains($"**{row}.** ", Numbers, StringComparison.Ordinal);

    [Fact]
    public void Nothing_is_explained_that_is_no_row() =>
        Assert.Equal([], Explanation().Matches(Numbers).Select(match => match.Groups["row"].Value).Except(Claims().Select(row => row.What)));

    [Fact]
    public void A_row_that_misses_its_target_is_named()
    {
        string named = Numbers[Numbers.IndexOf("## Over their targets", StringComparison.Ordinal)..];
        Assert.All(Claims().Where(row => row.Missed), row => Assert.Contains(row.What, named, StringComparison.Ordinal));
    }

    private static IEnumerable<(string What, bool Missed)> Claims() =>
        File.ReadAllText(Checkout.Full("docs/benchmarks.md")).Split('\n')
            .SkipWhile(line => !line.StartsWith("| what |", StringComparison.Ordinal))
            .Skip(2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => (line.Split('|')[1].Trim(), line.Contains("**missed**", StringComparison.Ordinal)));

    [GeneratedRegex(@"^\*\*(?<row>[^*]+)\.\*\* ", RegexOptions.Multiline)]
    private static partial Regex Explanation();
}
