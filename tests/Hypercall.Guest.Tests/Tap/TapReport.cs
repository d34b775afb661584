using System.Globalization;
using System.Text.RegularExpressions;

namespace Hypercall.Guest.Tests.Tap;

/// <summary>
/// A TAP stream that came over a serial line, where a kernel says what it likes when it likes:
/// <code>
///   ok 3 - abi: a na[   12.345678] zram: something else      a kernel's line in the middle of one: it goes up to the line's end
///   me is found                                              the rest of ours
/// </code>
/// </summary>
internal sealed partial class TapReport
{
    private readonly Dictionary<string, TapResult> _results = [];

    private TapReport()
    {
    }

    /// <summary>How many tests the stream announced; 0 when it did not get that far.</summary>
    public int Planned { get; private set; }

    /// <summary>Why the stream was given up; null when it was not.</summary>
    public string? BailOut { get; private set; }

    /// <summary>What is wrong with the stream itself: a number or a name that came twice.</summary>
    public IReadOnlyList<string> Oddities { get; private set; } = [];

    /// <summary>By name.</summary>
    public IReadOnlyDictionary<string, TapResult> Results => _results;

    /// <summary>Whether every test that was announced was told of.</summary>
    public bool IsComplete => Planned != 0 && BailOut is null && _results.Count == Planned && Oddities.Count == 0;

    /// <summary>Reads a stream.</summary>
    /// <param name="lines">Everything that came, noise included.</param>
    public static TapReport Parse(IEnumerable<string> lines)
    {
        TapReport report = new();
        List<string> oddities = [];
        HashSet<int> numbers = [];
        TapResult? last = null;
        List<string> details = [];
        foreach (string line in WithoutKernel(lines))
        {
            if (PlanLine().Match(line) is { Success: true } plan)
            {
                report.Planned = int.Parse(plan.Groups[1].Value, CultureInfo.InvariantCulture);
            }
            else if (TestLine().Match(line) is { Success: true } test)
            {
                Keep();
                int number = int.Parse(test.Groups["number"].Value, CultureInfo.InvariantCulture);
                (string name, string? reason) = SplitDirective(test.Groups["rest"].Value);
                TapOutcome outcome = test.Groups["not"].Success ? TapOutcome.Failed : reason is null ? TapOutcome.Passed : TapOutcome.Skipped;
                last = new TapResult(number, name, outcome, reason ?? "");
                if (!numbers.Add(number) || report._results.ContainsKey(name))
                {
                    oddities.Add($"'{line}' came twice");
                }
            }
            else if (line.StartsWith("Bail out!", StringComparison.Ordinal))
            {
                report.BailOut = line["Bail out!".Length..].Trim();
            }
            else if (line.StartsWith("  ", StringComparison.Ordinal) || line.StartsWith("#  ", StringComparison.Ordinal))
            {
                details.Add(line.TrimStart('#', ' '));
            }
        }

        Keep();
        report.Oddities = oddities;
        return report;

        void Keep()
        {
            if (last is { } result)
            {
                report._results[result.Name] = result.Outcome == TapOutcome.Skipped ? result : result with { Details = string.Join('\n', details) };
            }

            details.Clear();
        }
    }

    // Whole lines of the kernel go; what stood before one that broke into ours waits for its rest.
    private static IEnumerable<string> WithoutKernel(IEnumerable<string> lines)
    {
        string pending = "";
        foreach (string line in lines)
        {
            string text = pending + line.TrimEnd('\r');
            pending = "";
            Match kernel = KernelLine().Match(text);
            if (!kernel.Success)
            {
                yield return text;
            }
            else if (kernel.Index != 0)
            {
                pending = text[..kernel.Index];
            }
        }

        if (pending.Length != 0)
        {
            yield return pending;
        }
    }

    // A '#' that belongs to the name comes as "\#".
    private static (string Name, string? SkipReason) SplitDirective(string rest)
    {
        Match directive = SkipDirective().Match(rest);
        string name = directive.Success ? rest[..directive.Index] : rest;
        return (Unescape().Replace(name, "$1"), directive.Success ? directive.Groups[1].Value : null);
    }

    [GeneratedRegex(@"^1\.\.([0-9]+)$")]
    private static partial Regex PlanLine();

    [GeneratedRegex("^(?<not>not )?ok (?<number>[0-9]+) - (?<rest>.+)$")]
    private static partial Regex TestLine();

    [GeneratedRegex(@"\s# SKIP\s*(.*)$")]
    private static partial Regex SkipDirective();

    [GeneratedRegex(@"\\([\\#])")]
    private static partial Regex Unescape();

    [GeneratedRegex(@"\[ *[0-9]+\.[0-9]{6}\] ")] // printk's time stamp
    private static partial Regex KernelLine();
}
