using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Hypercall;

/// <summary>
/// The metrics of meter <c>Hypercall</c>: <c>hypercall.calls</c>, <c>hypercall.faults</c> (tag <c>hypercall.fault</c>: <c>#UD</c>, <c>#GP</c>, <c>#PF</c>, ...) and
/// <c>hypercall.duration</c> (seconds).
/// </summary>
internal sealed class HypercallMeter : IDisposable
{
    public const string Name = "Hypercall";

    // A VM exit takes a microsecond; a VMM that copies megabytes takes milliseconds.
    private static readonly double[] Buckets = [1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1];

    private readonly Counter<long> _calls;
    private readonly Counter<long> _faults;
    private readonly Histogram<double> _duration;

    public HypercallMeter(IMeterFactory? factory)
    {
        Meter = factory?.Create(Name) ?? new Meter(Name);
        _calls = Meter.CreateCounter<long>("hypercall.calls", "{call}", "Hypercall instructions executed.");
        _faults = Meter.CreateCounter<long>("hypercall.faults", "{fault}", "Hypercall instructions that raised a CPU fault, by fault.");
        _duration = Meter.CreateHistogram(
            "hypercall.duration",
            "s",
            "Time from entering the stub to leaving it.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets });
    }

    public Meter Meter { get; }

    public bool IsListenedTo => _calls.Enabled || _faults.Enabled || _duration.Enabled;

    public void Record(in HypercallStatus status, TimeSpan elapsed)
    {
        TagList tags = default;
        if (!status.IsCompleted)
        {
            _faults.Add(1, new KeyValuePair<string, object?>("hypercall.fault", status.Fault.Mnemonic));
            tags.Add("hypercall.fault", status.Fault.Mnemonic);
        }

        _calls.Add(1);
        _duration.Record(elapsed.TotalSeconds, in tags);
    }

    public void Dispose() => Meter.Dispose();
}
