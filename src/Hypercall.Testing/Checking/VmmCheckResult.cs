using System.Globalization;
using System.Text;

namespace Hypercall.Testing;

/// <summary>What <see cref="VmmCheck"/> found, and over what.</summary>
public sealed class VmmCheckResult
{
    internal VmmCheckResult(
        ulong seed, int cases, int discarded, long calls, IReadOnlyList<VmmCheckFaultOccurrences> occurrences, IReadOnlyDictionary<string, int> labels, VmmCheckFailedException? failure)
    {
        Seed = seed;
        Cases = cases;
        Discarded = discarded;
        Calls = calls;
        FaultOccurrences = occurrences;
        Labels = labels;
        Failure = failure;
    }

    /// <summary>Whether the property held in every case.</summary>
    public bool Passed => Failure is null;

    /// <summary>The smallest case that was found in which it did not, and why; null if there is none.</summary>
    public VmmCheckFailedException? Failure { get; }

    /// <summary>What the cases came from.</summary>
    public ulong Seed { get; }

    /// <summary>
    /// How many cases were tried, the failed one among them, those that the property did not want and simpler ones not.
    /// </summary>
    public int Cases { get; }

    /// <summary>How many cases the property did not want.</summary>
    public int Discarded { get; }

    /// <summary>How many calls reached a VMM.</summary>
    public long Calls { get; }

    /// <summary>What became of the planned faults: one entry for each kind.</summary>
    public IReadOnlyList<VmmCheckFaultOccurrences> FaultOccurrences { get; }

    /// <summary>How many cases got each label (<see cref="VmmCheck.Classify"/>).</summary>
    public IReadOnlyDictionary<string, int> Labels { get; }

    /// <summary>The numbers as a table; the seed is not in it: where the cases are the same, the text is.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        _ = text.Append(CultureInfo.InvariantCulture, $"{Cases} cases, {Discarded} discarded, {Calls} calls").AppendLine();
        foreach ((string label, int count) in Labels.OrderByDescending(label => label.Value).ThenBy(label => label.Key, StringComparer.Ordinal))
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{100.0 * count / Math.Max(Cases, 1),6:F1} %  {label}").AppendLine();
        }

        _ = text.AppendLine("fault               occurred  after entry   missed  forbidden");
        foreach (VmmCheckFaultOccurrences kind in FaultOccurrences)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{kind.Kind,-18} {kind.Occurred,9} {kind.AfterEntry,12} {kind.Missed,8} {kind.Forbidden,10}").AppendLine();
        }

        return text.ToString();
    }
}
