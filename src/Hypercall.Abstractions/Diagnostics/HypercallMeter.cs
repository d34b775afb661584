using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace Hypercall;

/// <summary>The instruments of a meter <c>Hypercall</c>: see docs/observability.md.</summary>
internal sealed class HypercallMeter
{
    public const string Name = "Hypercall";
    private const string FunctionTag = "hypercall.function";
    private const string FaultTag = "hypercall.fault";
    private const string MachineTag = "hypercall.machine";

    // A VM exit takes a microsecond; a VMM that copies megabytes takes milliseconds.
    private static readonly double[] Buckets = [1e-7, 2.5e-7, 5e-7, 1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1];

    // A factory gives one meter however often it is asked; two sets of observable instruments on it would count twice.
    private static readonly ConditionalWeakTable<Meter, HypercallMeter> Known = [];
    private static readonly HypercallMeter Shared = new(new Meter(Name));

    private readonly ConcurrentDictionary<string, MachineMetrics> _machines = new(StringComparer.Ordinal);
    private readonly Counter<long> _calls;
    private readonly Counter<long> _faults;
    private readonly Counter<long> _refusals;
    private readonly Histogram<double> _duration;
    private readonly ObservableGauge<int> _inFlight;
    private readonly ObservableGauge<double> _oldest;
    private readonly Counter<long> _timeouts;
    private readonly Counter<long> _lateReturns;

    public HypercallMeter(Meter meter, TimeProvider? clock = null)
    {
        Meter = meter;
        Clock = clock ?? TimeProvider.System;
        _calls = meter.CreateCounter<long>("hypercall.calls", "{call}", "Calls made, however they ended.");
        _faults = meter.CreateCounter<long>(
            "hypercall.faults", "{fault}", "Hypercall instructions that raised a CPU fault, by fault.");
        _refusals = meter.CreateCounter<long>(
            "hypercall.refusals", "{call}", "Calls that the channel itself refused: nothing was executed.");
        _duration = meter.CreateHistogram(
            "hypercall.duration",
            "s",
            "Time from entering the stub to leaving it.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets });
        _inFlight = meter.CreateObservableGauge(
            "hypercall.calls.in_flight", CountInFlight, "{call}", "Calls in the VMM at this moment.");
        _oldest = meter.CreateObservableGauge(
            "hypercall.call.oldest_age", FindOldest, "s", "Age of the oldest call in flight; 0 without one.");
        _timeouts = meter.CreateCounter<long>("hypercall.timeouts", "{call}", "Calls that were left behind in the VMM.");
        _lateReturns = meter.CreateCounter<long>(
            "hypercall.late_returns", "{call}", "Calls left behind that came back; their results were dropped.");
    }

    public Meter Meter { get; }

    public TimeProvider Clock { get; }

    public FunctionNames Functions { get; } = new();

    public bool IsListenedTo => _duration.Enabled || _calls.Enabled || _faults.Enabled || _refusals.Enabled || _inFlight.Enabled || _oldest.Enabled;

    /// <summary>The meter of a factory; the process's own when there is none.</summary>
    /// <param name="factory">The factory.</param>
    public static HypercallMeter Of(IMeterFactory? factory) => factory is null
        ? Shared
        : Known.GetValue(factory.Create(Name), static meter => new HypercallMeter(meter));

    public MachineMetrics GetMachine(string? name) =>
        _machines.GetOrAdd(name ?? "", static (_, name) => new MachineMetrics(name), name);

    public void Record(MachineMetrics machine, string? function, in HypercallStatus status, TimeSpan elapsed)
    {
        TagList tags = Tags(machine, function);
        _calls.Add(1, in tags);
        if (status.IsFaulted)
        {
            tags.Add(FaultTag, status.Fault.Mnemonic);
            _faults.Add(1, in tags);
        }
        else if (status.IsRefused)
        {
            _refusals.Add(1, in tags);
        }

        _duration.Record(elapsed.TotalSeconds, in tags);
    }

    public void RecordTimeout(MachineMetrics machine, string? function)
    {
        TagList tags = Tags(machine, function);
        _timeouts.Add(1, in tags);
    }

    public void RecordLateReturn(MachineMetrics machine, string? function)
    {
        TagList tags = Tags(machine, function);
        _lateReturns.Add(1, in tags);
    }

    private static TagList Tags(MachineMetrics machine, string? function)
    {
        TagList tags = default;
        if (function is not null)
        {
            tags.Add(FunctionTag, function);
        }

        if (machine.Name is { } name)
        {
            tags.Add(MachineTag, name);
        }

        return tags;
    }

    private IEnumerable<Measurement<int>> CountInFlight() =>
        from machine in _machines.Values
        let tags = Tags(machine, null)
        select new Measurement<int>(machine.InFlight.Look().Count, tags);

    private IEnumerable<Measurement<double>> FindOldest() =>
        from machine in _machines.Values
        let oldest = machine.InFlight.Look().Oldest
        let tags = Tags(machine, null)
        select new Measurement<double>(oldest == 0 ? 0 : Clock.GetElapsedTime(oldest).TotalSeconds, tags);
}
