using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Hypercall.Tests.Diagnostics;

public sealed class HypercallMeterTests : IDisposable
{
    private readonly Meter _meter = new("Hypercall");
    private readonly FakeTimeProvider _time = new();
    private readonly HypercallMeter _tested;

    public HypercallMeterTests() => _tested = new HypercallMeter(_meter, _time);

    [Theory]
    [InlineData("hypercall.calls")]
    [InlineData("hypercall.faults")]
    [InlineData("hypercall.duration")]
    public void Whoever_listens_to_one_instrument_gets_it(string name)
    {
        using MeterRecorder recorder = new(_meter, name);
        Call(HypercallStatus.Faulted(new CpuFault(CpuFaultKind.PageFault)));
        Assert.Equal(name, Assert.Single(recorder.Seen).Split(' ')[0]);
    }

    [Theory]
    [InlineData("hypercall.calls.in_flight", "hypercall.calls.in_flight 1")]
    [InlineData("hypercall.call.oldest_age", "hypercall.call.oldest_age 7")]
    public void Whoever_listens_to_one_gauge_sees_the_call_in_flight(string name, string expected)
    {
        using MeterRecorder recorder = new(_meter, name);
        string[] during = [];
        Call(HypercallStatus.Completed, during: () =>
        {
            _time.Advance(TimeSpan.FromSeconds(7));
            during = recorder.Observe();
        });
        Assert.Equal([expected], during);
        Assert.EndsWith(" 0", Assert.Single(recorder.Observe()), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_does_not_listen_costs_nothing()
    {
        Assert.False(_tested.IsListenedTo);
        Call(HypercallStatus.Completed, during: () => Assert.Equal((0, 0L), _tested.GetMachine(null).InFlight.Look()));
    }

    [Fact]
    public void A_fault_is_a_tag_of_its_count_and_of_its_duration()
    {
        using MeterRecorder recorder = new(_meter);
        Call(HypercallStatus.Faulted(new CpuFault(CpuFaultKind.PageFault)));
        Assert.Equal(
            ["hypercall.calls 1", "hypercall.duration hypercall.fault=#PF", "hypercall.faults 1 hypercall.fault=#PF"], recorder.Seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_call_that_throws_is_no_longer_in_flight()
    {
        using MeterRecorder recorder = new(_meter, "hypercall.calls.in_flight");
        _ = Assert.Throws<InvalidOperationException>(() => Call(HypercallStatus.Completed, during: () => throw new InvalidOperationException()));
        Assert.Equal(["hypercall.calls.in_flight 0"], recorder.Observe());
        Call(HypercallStatus.Completed, during: () => Assert.Equal(["hypercall.calls.in_flight 1"], recorder.Observe()));
    }

    [Fact]
    public void The_age_is_that_of_the_oldest_call()
    {
        using MeterRecorder recorder = new(_meter, "hypercall.call.oldest_age");
        CallsInFlight calls = _tested.GetMachine(null).InFlight;
        CallsInFlight.Place first = calls.Enter(_time.GetTimestamp());
        _time.Advance(TimeSpan.FromSeconds(2));
        _ = calls.Enter(_time.GetTimestamp());
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(["hypercall.call.oldest_age 5"], recorder.Observe());
        first.Leave();
        Assert.Equal(["hypercall.call.oldest_age 3"], recorder.Observe());
    }

    [Fact]
    public void A_function_is_a_tag_of_its_calls_by_name_or_by_convention_and_number()
    {
        using MeterRecorder recorder = new(_meter, "hypercall.calls");
        IHypercallMachine machine = Machine();
        _ = new HypercallFunction(machine, HypercallConvention.Xen, 17).Call(0);
        _ = new HypercallFunction(machine, HypercallConvention.BitVisor, 4, "foo").Call(1);
        _ = machine.Channel.Call(HypercallConvention.Xen, 17, 0);
        Assert.Equal(["hypercall.calls 1 hypercall.function=Xen 17", "hypercall.calls 1 hypercall.function=foo", "hypercall.calls 1"], recorder.Seen);
    }

    [Fact]
    public void A_transfer_is_counted_for_its_function()
    {
        using MeterRecorder recorder = new(_meter, "hypercall.calls");
        HypercallFunction function = new(Machine(), HypercallConvention.BitVisor, 4, "send");
        _ = function.TryTransfer([1, 2], Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal(["hypercall.calls 1 hypercall.function=send"], recorder.Seen);
    }

    [Fact]
    public void Functions_after_the_256th_are_one()
    {
        using MeterRecorder recorder = new(_meter, "hypercall.calls");
        IHypercallMachine machine = Machine();
        string[] names = [.. Enumerable.Range(0, FunctionNames.Most + 2).Select(i => i.ToString("x", CultureInfo.InvariantCulture)), "0"];
        foreach (string name in names)
        {
            _ = new HypercallFunction(machine, HypercallConvention.BitVisor, 4, name).Call();
        }

        string[] tags = [.. recorder.Seen.Select(line => line.Split('=')[1])];
        Assert.Equal([.. names[..FunctionNames.Most], FunctionNames.Other, FunctionNames.Other, "0"], tags);
    }

    [Fact]
    public void A_function_that_nobody_measured_takes_no_place_among_the_names()
    {
        IHypercallMachine machine = Machine();
        for (int i = 0; i < FunctionNames.Most; i++)
        {
            _ = new HypercallFunction(machine, HypercallConvention.BitVisor, 4, $"early {i}").Call();
        }

        using MeterRecorder recorder = new(_meter, "hypercall.calls");
        _ = new HypercallFunction(machine, HypercallConvention.BitVisor, 4, "late").Call();
        Assert.Equal(["hypercall.calls 1 hypercall.function=late"], recorder.Seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_call_allocates_nothing_whether_somebody_listens_or_not(bool isListenedTo)
    {
        HypercallFunction function = new(Machine(), HypercallConvention.BitVisor, 4, "foo");
        (long bytes, long counted) = AllocatedBytes.OfCalls(function, _meter, isListenedTo);
        Assert.Equal(0, bytes);
        Assert.Equal(isListenedTo ? AllocatedBytes.Calls : 0, counted);
    }

    [Fact]
    public void The_duration_is_no_longer_than_the_call_and_what_is_around_it()
    {
        double seconds = double.NaN;
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == _meter && instrument.Name == "hypercall.duration")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, value, _, _) => seconds = value);
        listener.Start();
        Call(HypercallStatus.Completed, during: () => _time.Advance(TimeSpan.FromMilliseconds(3)));
        Assert.Equal(0.003, seconds);
    }

    [Fact]
    public void Each_instrument_says_what_it_measures_and_in_which_unit()
    {
        List<Instrument> found = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument.Meter == _meter)
            {
                found.Add(instrument);
            }
        };
        listener.Start();
        Assert.Equal(
            [
                "hypercall.call.oldest_age s", "hypercall.calls {call}", "hypercall.calls.in_flight {call}", "hypercall.duration s", "hypercall.faults {fault}",
                "hypercall.late_returns {call}", "hypercall.refusals {call}", "hypercall.timeouts {call}",
            ],
            found.Select(instrument => $"{instrument.Name} {instrument.Unit}").Order(StringComparer.Ordinal));
        Assert.All(found, instrument => Assert.False(string.IsNullOrEmpty(instrument.Description)));
        IReadOnlyList<double> buckets = found.OfType<Histogram<double>>().Single().Advice!.HistogramBucketBoundaries!;
        Assert.Contains(1e-6, buckets); // what a VM exit takes
    }

    [Fact]
    public void A_factory_has_one_set_of_instruments_however_often_it_is_asked()
    {
        using TestMeterFactory factory = new();
        Assert.Same(HypercallMeter.Of(factory), HypercallMeter.Of(factory));
        Assert.Same(factory.Meter, HypercallMeter.Of(factory).Meter);
        Assert.NotSame(HypercallMeter.Of(null), HypercallMeter.Of(factory));
        Assert.Same(HypercallMeter.Of(null), HypercallMeter.Of(null));
    }

    [Fact]
    public void More_calls_in_flight_than_there_are_places_are_counted_too()
    {
        CallsInFlight calls = new();
        CallsInFlight.Place[] places = [.. Enumerable.Range(0, 100).Select(i => calls.Enter(1000 + i))];
        Assert.Equal((100, 1000L), calls.Look());
        places[0].Leave();
        Assert.Equal((99, 1001L), calls.Look());
        Array.ForEach(places, place => place.Leave());
        Assert.Equal((0, 0L), calls.Look());
    }

    [Fact]
    public void A_clock_that_starts_at_zero_hides_no_call()
    {
        CallsInFlight calls = new();
        _ = calls.Enter(0);
        Assert.Equal(1, calls.Look().Count);
    }

    [Fact]
    public void Threads_that_come_and_go_leave_no_call_behind()
    {
        CallsInFlight calls = new();
        _ = Parallel.For(0, 10_000, i => calls.Enter(i + 1).Leave());
        Assert.Equal((0, 0L), calls.Look());
    }

    public void Dispose() => _meter.Dispose();

    private static ScriptedMachine Scripted(HypercallStatus status, Action? during = null) => new()
    {
        OnInvoke = (ref _) =>
        {
            during?.Invoke();
            return status;
        },
    };

    private IHypercallMachine Machine()
    {
        ScriptedMachine machine = Scripted(HypercallStatus.Completed);
        return machine.WithChannel(new ObservedChannel(machine, _tested, _tested.GetMachine(null), NullLogger.Instance));
    }

    private void Call(HypercallStatus status, Action? during = null)
    {
        HypercallRegisters registers = default;
        _ = new ObservedChannel(Scripted(status, during), _tested, _tested.GetMachine(null), NullLogger.Instance).TryInvoke(ref registers);
    }
}
