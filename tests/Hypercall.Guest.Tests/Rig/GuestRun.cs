using Hypercall.Guest.Tests.Tap;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>What a boot came to.</summary>
/// <param name="Request">What was asked for.</param>
/// <param name="ExitCode">Of rig/boot, whose --help says what it means; null when it was ended because it hung.</param>
/// <param name="Lines">The serial log of the last attempt.</param>
/// <param name="Attempts">One line for each: how long it took, how it ended.</param>
/// <param name="Sessions">The session in which each attempt ran.</param>
/// <param name="LogFile">Where the log is kept.</param>
/// <param name="Visit">What somebody saw at its prompt; null when nobody was to come there.</param>
internal sealed record GuestRun(
    GuestRequest Request,
    int? ExitCode,
    IReadOnlyList<string> Lines,
    IReadOnlyList<string> Attempts,
    IReadOnlyList<int> Sessions,
    string LogFile,
    GuestVisit? Visit = null)
{
    private const string HashMark = " sha256 ";
    private const string RunMark = "rig: run ";
    private const string WayMark = " --way ";

    /// <summary>What the suite told, called by the vendor's instruction.</summary>
    public TapReport Tap { get; } = TapReport.Parse(
        Runs(Lines).FirstOrDefault(run => IsSuite(run[0]) && !run[0].Contains(WayMark, StringComparison.Ordinal)) ?? Lines);

    /// <summary>
    /// SHA-256 of our programs in the guest, by their names, as the guest computed them; empty when it did not get that far.
    /// </summary>
    public IReadOnlyDictionary<string, string> Programs { get; } = Lines
        .Where(line => line.StartsWith("rig: ", StringComparison.Ordinal) && line.Contains(HashMark, StringComparison.Ordinal))
        .Select(line => line["rig: ".Length..].Trim().Split(HashMark))
        .ToDictionary(pair => pair[0], pair => pair[1]);

    /// <summary>What the suite told, called by another way.</summary>
    /// <param name="way">A name of <c>conformance --way</c>.</param>
    public TapReport TapBy(string way) => TapReport.Parse(
        Runs(Lines).FirstOrDefault(run => IsSuite(run[0]) && run[0].Contains($"{WayMark}{way} ", StringComparison.Ordinal)) ?? []);

    /// <summary>What a part of module-test told of the kernel module.</summary>
    /// <param name="part">Which.</param>
    public TapReport TapOfModule(string part) => TapReport.Parse(
        Runs(Lines).FirstOrDefault(run => $"{run[0]} ".StartsWith($"{RunMark}module-test {part} ", StringComparison.Ordinal)) ?? []);

    /// <summary>For a message: how it ended, and what it said last.</summary>
    public string Trace => string.Join('\n', [.. Attempts, $"The log is {LogFile}. Its end:", .. Lines.TakeLast(12)]);

    private static bool IsSuite(string line) => line.StartsWith($"{RunMark}conformance", StringComparison.Ordinal);

    // The programs that ran in the guest, each with its first line.
    private static List<List<string>> Runs(IEnumerable<string> lines)
    {
        List<List<string>> runs = [];
        foreach (string line in lines)
        {
            if (line.StartsWith(RunMark, StringComparison.Ordinal))
            {
                runs.Add([]);
            }

            if (runs.Count != 0)
            {
                runs[^1].Add(line.TrimEnd('\r'));
            }
        }

        return runs;
    }
}
