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

    public TapReport Tap { get; } = TapReport.Parse(Lines);

    /// <summary>
    /// SHA-256 of our programs in the guest, by their names, as the guest computed them; empty when it did not get that far.
    /// </summary>
    public IReadOnlyDictionary<string, string> Programs { get; } = Lines
        .Where(line => line.StartsWith("rig: ", StringComparison.Ordinal) && line.Contains(HashMark, StringComparison.Ordinal))
        .Select(line => line["rig: ".Length..].Trim().Split(HashMark))
        .ToDictionary(pair => pair[0], pair => pair[1]);

    /// <summary>For a message: how it ended, and what it said last.</summary>
    public string Trace => string.Join('\n', [.. Attempts, $"The log is {LogFile}. Its end:", .. Lines.TakeLast(12)]);
}
