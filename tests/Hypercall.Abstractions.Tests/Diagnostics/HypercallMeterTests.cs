using System.Diagnostics;
using System.Diagnostics.Metrics;
using NSubstitute;

namespace Hypercall.Tests.Diagnostics;

public class HypercallMeterTests
{
    [Theory]
    [InlineData("hypercall.calls")]
    [InlineData("hypercall.faults")]
    [InlineData("hypercall.duration")]
    public void Whoever_listens_to_one_instrument_gets_it(string name)
    {
        using HypercallMeter meter = new(null);
        List<string> seen = [];
        using MeterListener listener = Listen(meter, name, (instrument, _, _) => seen.Add(instrument.Name));
        Call(meter, HypercallStatus.Faulted(new CpuFault(CpuFaultKind.PageFault)));
        Assert.Equal([name], seen);
    }

    [Fact]
    public void Who_does_not_listen_costs_nothing()
    {
        using HypercallMeter meter = new(null);
        Assert.False(meter.IsListenedTo);
    }

    [Fact]
    public void A_fault_is_a_tag_of_its_count_and_of_its_duration()
    {
        using HypercallMeter meter = new(null);
        List<string> seen = [];
        using MeterListener listener = Listen(meter, null, (instrument, _, tags) => seen.Add($"{instrument.Name} {string.Join(',', tags.Select(tag => $"{tag.Key}={tag.Value}"))}"));
        Call(meter, HypercallStatus.Faulted(new CpuFault(CpuFaultKind.PageFault)));
        Assert.Equal(["hypercall.calls ", "hypercall.duration hypercall.fault=#PF", "hypercall.faults hypercall.fault=#PF"], seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_duration_is_no_longer_than_the_call_and_what_is_around_it()
    {
        using HypercallMeter meter = new(null);
        double seconds = double.NaN;
        using MeterListener listener = Listen(meter, "hypercall.duration", (_, value, _) => seconds = value);
        long before = Stopwatch.GetTimestamp();
        Call(meter, HypercallStatus.Completed);
        Assert.InRange(seconds, 0, Stopwatch.GetElapsedTime(before).TotalSeconds);
    }

    [Fact]
    public void Each_instrument_says_what_it_measures_and_in_which_unit()
    {
        using HypercallMeter meter = new(null);
        List<Instrument> found = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, _) => { if (instrument.Meter == meter.Meter) { found.Add(instrument); } };
        listener.Start();
        Assert.Equal(["hypercall.calls {call}", "hypercall.duration s", "hypercall.faults {fault}"], found.Select(instrument => $"{instrument.Name} {instrument.Unit}").Order(StringComparer.Ordinal));
        Assert.All(found, instrument => Assert.False(string.IsNullOrEmpty(instrument.Description)));
        IReadOnlyList<double> buckets = found.OfType<Histogram<double>>().Single().Advice!.HistogramBucketBoundaries!;
        Assert.Contains(1e-6, buckets); // what a VM exit takes
    }

    [Fact]
    public void The_meter_is_the_factorys_where_there_is_one()
    {
        using Meter made = new("Hypercall");
        IMeterFactory factory = Substitute.For<IMeterFactory>();
        factory.Create(Arg.Any<MeterOptions>()).Returns(made);
        using HypercallMeter meter = new(factory);
        Assert.Same(made, meter.Meter);
    }

    private static MeterListener Listen(HypercallMeter meter, string? name, Action<Instrument, double, KeyValuePair<string, object?>[]> told)
    {
        MeterListener listener = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == meter.Meter && (name is null || instrument.Name == name))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => told(instrument, value, tags.ToArray()));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => told(instrument, value, tags.ToArray()));
        listener.Start();
        return listener;
    }

    private static void Call(HypercallMeter meter, HypercallStatus status)
    {
        ScriptedMachine machine = new() { OnInvoke = (ref _) => status };
        HypercallRegisters registers = default;
        _ = new ObservedChannel(machine, meter, null).TryInvoke(ref registers);
    }
}
