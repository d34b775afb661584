using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;

namespace VmmWatch.Tests.Processes;

/// <summary>
/// What <c>dotnet-counters monitor -p PID --counters Hypercall,VmmWatch</c> does: it listens to a process by its diagnostic port,
/// and asks for meters by name.
/// </summary>
internal sealed class CounterSession : IDisposable
{
    // The runtime's MetricsEventSource, which documents its arguments and events; dotnet/diagnostics, MetricSourceConfiguration,
    // for what the tool asks.
    private const string Provider = "System.Diagnostics.Metrics";
    private const long TimeSeriesValues = 0x2;
    private const string SharedSession = "SHARED";

    private readonly EventPipeSession _session;
    private readonly Thread _reader;
    private readonly ConcurrentDictionary<string, string> _values = new();
    private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string[] _awaited;

    /// <param name="process">Its number.</param>
    /// <param name="meters">The meters, as in <c>--counters</c>.</param>
    /// <param name="awaited">The time series to wait for: <c>meter/instrument</c>, or <c>meter/instrument[tag=value]</c>.</param>
    public CounterSession(int process, string meters, params string[] awaited)
    {
        _awaited = awaited;
        _session = new DiagnosticsClient(process).StartEventPipeSession(
            [
                new EventPipeProvider(Provider, EventLevel.Informational, TimeSeriesValues, new Dictionary<string, string>
                {
                    ["SessionId"] = SharedSession,
                    ["ClientId"] = Guid.NewGuid().ToString(),
                    ["Metrics"] = meters,
                    ["RefreshInterval"] = "0.1", // the least; the tool's default is a second
                    ["MaxTimeSeries"] = "1000",
                    ["MaxHistograms"] = "10",
                }),
            ],
            requestRundown: false);
        _reader = new Thread(Read) { IsBackground = true };
        _reader.Start();
    }

    /// <summary>Instruments that the process said it reports, <c>meter/instrument kind unit</c>.</summary>
    public ConcurrentDictionary<string, string> Instruments { get; } = new();

    /// <summary>Waits until each awaited series has had a value.</summary>
    /// <returns>The first value of each: a rate, a number, or quantiles.</returns>
    public async Task<IReadOnlyDictionary<string, string>> WaitAsync()
    {
        try
        {
            await _all.Task.WaitAsync(TestWatch.Limit);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"No value came of {string.Join(", ", _awaited.Except(_values.Keys))}; of these it did: {string.Join(", ", _values.Keys.Order(StringComparer.Ordinal))}.");
        }

        return _values;
    }

    public void Dispose()
    {
        _session.Stop();
        _reader.Join();
        _session.Dispose();
    }

    private void Read()
    {
        using EventPipeEventSource source = new(_session.EventStream);
        source.Dynamic.AddCallbackForProviderEvents((_, _) => EventFilterResponse.AcceptEvent, Take);
        _ = source.Process();
    }

    private void Take(TraceEvent e)
    {
        switch (e.EventName)
        {
            case "BeginInstrumentReporting":
                Instruments[$"{Text(e, "meterName")}/{Text(e, "instrumentName")}"] = $"{Text(e, "instrumentType")} {Text(e, "unit")}";
                break;
            case "CounterRateValuePublished":
                Keep(e, "rate");
                break;
            case "GaugeValuePublished":
                Keep(e, "lastValue");
                break;
            case "HistogramValuePublished":
                Keep(e, "quantiles");
                break;
        }
    }

    private void Keep(TraceEvent e, string field)
    {
        string tags = Text(e, "tags");
        string value = Text(e, field);
        if (value.Length != 0) // nothing was measured in this interval
        {
            _ = _values.TryAdd($"{Text(e, "meterName")}/{Text(e, "instrumentName")}{(tags.Length == 0 ? "" : $"[{tags}]")}", value);
            if (_awaited.All(_values.ContainsKey))
            {
                _ = _all.TrySetResult();
            }
        }
    }

    private static string Text(TraceEvent e, string field) => (string)e.PayloadByName(field);
}
