using System.Diagnostics.Metrics;
using System.Globalization;

namespace Hypercall.Tests.Diagnostics;

/// <summary>
/// Listens to meters named <c>Hypercall</c>, and writes down what this very thread measures: other tests call at the same time,
/// on the meter of the process, too.
/// </summary>
internal sealed class MeterRecorder : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly Lock _gate = new();
    private readonly List<string> _seen = [];

    /// <param name="meter">The only meter to listen to; null for all.</param>
    /// <param name="instruments">The instruments to listen to; none for all.</param>
    public MeterRecorder(Meter? meter = null, params string[] instruments)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Hypercall" && (meter is null || instrument.Meter == meter) && (instruments.Length == 0 || instruments.Contains(instrument.Name)))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Write(instrument, value.ToString(CultureInfo.InvariantCulture), tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Write(instrument, value.ToString(CultureInfo.InvariantCulture), tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Write(instrument, value.ToString(CultureInfo.InvariantCulture), tags));
        _listener.Start();
    }

    /// <summary>Whether measurements of other threads are written down, too: for a meter that is the test's own.</summary>
    public bool AllThreads { get; init; }

    /// <summary>Each measurement: instrument, value (durations left out), tags.</summary>
    public string[] Seen
    {
        get
        {
            lock (_gate)
            {
                return [.. _seen];
            }
        }
    }

    public int Calls => Seen.Count(line => line.StartsWith("hypercall.calls 1", StringComparison.Ordinal));

    /// <summary>What the gauges say now.</summary>
    public string[] Observe()
    {
        int before = Seen.Length;
        _listener.RecordObservableInstruments();
        return Seen[before..];
    }

    public void Dispose() => _listener.Dispose();

    private void Write(Instrument instrument, string value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (AllThreads || Environment.CurrentManagedThreadId == _thread)
        {
            string[] words = [instrument.Name, .. instrument is Histogram<double> ? [] : new[] { value }, .. tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}")];
            lock (_gate)
            {
                _seen.Add(string.Join(' ', words));
            }
        }
    }
}
