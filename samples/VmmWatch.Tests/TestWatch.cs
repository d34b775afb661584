using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Hypercall;
using Hypercall.Testing;
using Hypercall.Tests;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace VmmWatch.Tests;

/// <summary>
/// The application's own registration in a host, on a fake VMM of the test's and under a clock that the test moves.
/// </summary>
internal sealed class TestWatch : IAsyncDisposable
{
    public static readonly TimeSpan Limit = LastResort.Bound;

    private readonly RecordingLoggerProvider _logs = new();
    private readonly ConcurrentQueue<(string Instrument, double Value, string Tag)> _measurements = new();
    private readonly SemaphoreSlim _polled = new(0);
    private readonly MeterListener _listener = new();
    private readonly IHost _host;
    private bool _isStarted;

    /// <param name="vmm">The VMM; null for the one that the configuration asks for.</param>
    /// <param name="settings">Settings, <c>Vmm:Period=00:00:01</c>.</param>
    public TestWatch(FakeMachine? vmm, params string[] settings)
        : this(services => vmm is null ? services : services.AddHypercall(builder => builder.AddFakeMachine(vmm)), settings)
    {
    }

    public TestWatch(Func<IServiceCollection, IServiceCollection> change, params string[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        _ = builder.Configuration.AddCommandLine([.. settings.Select(setting => "--" + setting)]);
        _ = builder.Services.AddSingleton<TimeProvider>(Time).AddVmmWatch(builder.Configuration);
        _ = builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(_logs);
        _ = change(builder.Services);
        _host = builder.Build();
        Listen(_host.Services.GetRequiredService<IMeterFactory>());
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public IServiceProvider Services => _host.Services;

    public VmmWatcher Watcher => Services.GetRequiredService<VmmWatcher>();

    public WatchSnapshot Snapshot => Services.GetRequiredService<WatchState>().Snapshot;

    /// <summary>What the watcher logged, without what it logs of each poll.</summary>
    public IReadOnlyList<LogRecord> Changes => [.. _logs.Records.Where(record => record.Category == typeof(VmmWatcher).FullName && record.Level > LogLevel.Debug)];

    /// <summary>Starts the host and waits for the first poll.</summary>
    public async Task StartAsync()
    {
        await StartOnlyAsync();
        await WaitForPollAsync();
    }

    /// <summary>Starts the host.</summary>
    public async Task StartOnlyAsync()
    {
        await _host.StartAsync();
        _isStarted = true;
    }

    public Task StopAsync() => _host.StopAsync();

    /// <summary>Lets one period pass, and waits for the poll that it brings.</summary>
    public async Task PollAsync(int times = 1)
    {
        for (int i = 0; i < times; i++)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await WaitForPollAsync();
        }
    }

    public async Task WaitForPollAsync() => Assert.True(await _polled.WaitAsync(Limit), "No poll ended.");

    public async Task<HealthReportEntry> HealthAsync() => (await Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries[VmmHealthCheck.Name];

    /// <summary>What an instrument measured, with the value of its tag.</summary>
    public IReadOnlyList<(double Value, string Tag)> Measured(string instrument)
    {
        _listener.RecordObservableInstruments();
        return [.. _measurements.Where(measurement => measurement.Instrument == instrument).Select(measurement => (measurement.Value, measurement.Tag))];
    }

    public async ValueTask DisposeAsync()
    {
        if (_isStarted)
        {
            await StopAsync();
        }

        _listener.Dispose();
        _host.Dispose();
        _polled.Dispose();
    }

    private void Listen(IMeterFactory mine)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == mine) // listeners hear every meter of the process
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        _listener.Start();
    }

    private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        _measurements.Enqueue((instrument.Name, value, tags.IsEmpty ? "" : $"{tags[0].Key}={tags[0].Value}"));
        if (instrument.Name == "vmmwatch.polls")
        {
            _ = _polled.Release(); // the last that a poll does
        }
    }
}
