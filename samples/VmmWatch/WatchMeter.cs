using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace VmmWatch;

/// <summary>
/// The metrics of meter <c>VmmWatch</c>. Beside it is the library's meter, <c>Hypercall</c>, which counts the instructions:
/// a poll is two of them at least, a look-up and a call.
/// </summary>
public sealed class WatchMeter
{
    /// <summary>The meter's name, for <c>dotnet-counters --counters</c>.</summary>
    public const string Name = "VmmWatch";

    // A poll takes microseconds; on a machine that is overcommitted, or a VMM that works, milliseconds and more.
    private static readonly double[] Buckets = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

    private readonly Counter<long> _polls;
    private readonly Histogram<double> _duration;

    /// <summary>Creates the instruments.</summary>
    /// <param name="factory">Owns the meter.</param>
    /// <param name="state">What the gauges show.</param>
    public WatchMeter(IMeterFactory factory, WatchState state)
    {
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(state);
        Meter meter = factory.Create(Name);
        _polls = meter.CreateCounter<long>("vmmwatch.polls", "{poll}", "Polls that ended, by outcome.");
        _duration = meter.CreateHistogram(
            "vmmwatch.poll.duration", "s", "How long a poll took, by outcome.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets });
        _ = meter.CreateObservableGauge("vmmwatch.consecutive_failures", () => state.Snapshot.ConsecutiveFailures, "{poll}", "Polls without an answer, one after another.");
        _ = meter.CreateObservableGauge("vmmwatch.value", () => Values(state), unit: null, "What the function answered last, as a signed number of 64 bits.");
    }

    /// <summary>Counts a poll.</summary>
    /// <param name="result">What came of it.</param>
    public void Record(PollResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        TagList tags = new() { { "vmmwatch.outcome", TagOf(result.Outcome) } };
        _duration.Record(result.Duration.TotalSeconds, in tags);
        _polls.Add(1, in tags);
    }

    // No value before the first answer: a gauge of 0 would be one.
    private static IEnumerable<Measurement<long>> Values(WatchState state) => state.Snapshot.LastValue is { } value ? [new(unchecked((long)value))] : [];

    private static string TagOf(PollOutcome outcome) => outcome switch
    {
        PollOutcome.Answered => "answered",
        PollOutcome.Refused => "refused",
        PollOutcome.NotFound => "not_found",
        PollOutcome.ForeignVmm => "foreign_vmm",
        PollOutcome.Faulted => "faulted",
        _ => "impossible",
    };
}
