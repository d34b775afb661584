using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace VmmWatch;

/// <summary>
/// Judges what the watcher has seen. It makes no call of its own: it answers at once, also while the VMM does not.
/// </summary>
public sealed class VmmHealthCheck(WatchState state, IOptions<WatchOptions> options, TimeProvider time) : IHealthCheck
{
    /// <summary>The name under which it is registered.</summary>
    public const string Name = "vmm";

    private readonly WatchOptions _options = options.Value;

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        WatchSnapshot now = state.Snapshot;
        (HealthStatus status, string message) = Judge(now);
        Dictionary<string, object> data = new() { ["polls"] = now.Polls, ["consecutiveFailures"] = now.ConsecutiveFailures };
        if (now.Last is { } last)
        {
            data["lastOutcome"] = last.Outcome.ToString();
        }

        if (now.LastSuccess is { } success && now.LastValue is { } value)
        {
            data["lastSuccess"] = success;
            data["lastValue"] = value;
        }

        return Task.FromResult(new HealthCheckResult(status, message, data: data));
    }

    private (HealthStatus Status, string Message) Judge(WatchSnapshot now)
    {
        if (now.CallTimestamp is { } started && time.GetElapsedTime(started) is var age && age >= _options.HungAfter)
        {
            return (HealthStatus.Unhealthy, $"A call of '{_options.Function}' has not come back for {Seconds(age)} s.");
        }

        return now.Last switch
        {
            null => (HealthStatus.Degraded, "No poll has ended yet."),
            { IsAnswer: false } last when now.ConsecutiveFailures >= _options.UnhealthyAfter => (HealthStatus.Unhealthy, last.Message),
            { IsAnswer: false } last => (HealthStatus.Degraded, last.Message),
            { } last when last.Duration > _options.SlowAfter => (HealthStatus.Degraded, $"{last.Message} It took {Seconds(last.Duration)} s."),
            { } last => (HealthStatus.Healthy, last.Message),
        };
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);
}
