using System.Text.RegularExpressions;

namespace Hypercall.Guest.Tests;

/// <summary>What a run of the conformance suite said, scenario by scenario; read from a log that has other lines, too.</summary>
internal sealed partial class TapResults
{
    private readonly Dictionary<string, TapResult> _results = [];

    public TapResults(IEnumerable<string> log)
    {
        TapResult? open = null;
        foreach (string line in log)
        {
            if (ResultLine().Match(line) is { Success: true } match)
            {
                string name = match.Groups["name"].Value.Replace("\\#", "#", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
                open = new TapResult(match.Groups["not"].Success, match.Groups["skip"].Success ? match.Groups["skip"].Value : null, "");
                _results[name] = open;
            }
            else if (open is { IsFailed: true } && MessageLine().Match(line) is { Success: true } message)
            {
                _results[_results.First(pair => ReferenceEquals(pair.Value, open)).Key] = open = open with { Message = message.Groups["text"].Value };
            }
            else if (PlanLine().Match(line) is { Success: true } plan)
            {
                Planned = int.Parse(plan.Groups["count"].Value, null);
            }
            else if (HashLine().Match(line) is { Success: true } hash)
            {
                ProgramHash = hash.Groups["hash"].Value;
            }
        }
    }

    /// <summary>How many scenarios the run was to have; 0 when it never began.</summary>
    public int Planned { get; }

    /// <summary>The SHA-256 of the program that ran, as the guest said; null when it did not.</summary>
    public string? ProgramHash { get; }

    public IReadOnlyDictionary<string, TapResult> All => _results;

    [GeneratedRegex(@"^(?<not>not )?ok \d+ - (?<name>.*?)( # SKIP (?<skip>.*))?$")]
    private static partial Regex ResultLine();

    [GeneratedRegex(@"^  message: ""(?<text>.*)""$")]
    private static partial Regex MessageLine();

    [GeneratedRegex(@"^1\.\.(?<count>\d+)$")]
    private static partial Regex PlanLine();

    [GeneratedRegex(@"^rig: conformance sha256 (?<hash>[0-9a-f]{64})$")]
    private static partial Regex HashLine();
}
