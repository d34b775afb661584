using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace VmmWatch;

/// <summary>What <c>--once</c> prints.</summary>
/// <param name="Health"><c>Healthy</c>, <c>Degraded</c> or <c>Unhealthy</c>.</param>
/// <param name="Machine"><c>Fake</c> or <c>Real</c>.</param>
/// <param name="Function">What was called.</param>
/// <param name="Outcome">A <see cref="PollOutcome"/>; null when the call has not come back.</param>
/// <param name="Value">What it answered; null without an answer.</param>
/// <param name="Seconds">How long it took; null when the call has not come back.</param>
/// <param name="Message">What happened, and what to do about it.</param>
public sealed record OnceReport(string Health, string Machine, string Function, string? Outcome, ulong? Value, double? Seconds, string? Message)
{
    /// <summary>Whether all is well.</summary>
    [JsonIgnore]
    public bool IsHealthy => Health == nameof(HealthStatus.Healthy);

    /// <summary>Polls once, and waits for the answer as long as a call may take before it counts as hung.</summary>
    /// <param name="services">The watch, which has not been started.</param>
    public static async Task<OnceReport> OfAsync(IServiceProvider services)
    {
        WatchOptions options = services.GetRequiredService<IOptions<WatchOptions>>().Value;
        WatchState state = services.GetRequiredService<WatchState>();
        TimeProvider time = services.GetRequiredService<TimeProvider>();
        Task poll = services.GetRequiredService<VmmWatcher>().PollAsync(CancellationToken.None);

        // In a loop: a timer may be early by a little, and then the call would not be hung yet.
        for (TimeSpan left = Left(); left > TimeSpan.Zero && !poll.IsCompleted; left = Left())
        {
            _ = await Task.WhenAny(poll, Task.Delay(left, time)).ConfigureAwait(false);
        }

        if (poll.IsCompleted || state.Snapshot.CallTimestamp is null)
        {
            await poll.ConfigureAwait(false);
        }

        HealthReport report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync().ConfigureAwait(false);
        HealthReportEntry health = report.Entries[VmmHealthCheck.Name];
        PollResult? last = state.Snapshot.Last;
        return new OnceReport(
            health.Status.ToString(), options.Machine.ToString(), options.Function, last?.Outcome.ToString(), state.Snapshot.LastValue, last?.Duration.TotalSeconds, health.Description);

        TimeSpan Left() => state.Snapshot.CallTimestamp is { } started ? options.HungAfter - time.GetElapsedTime(started) : TimeSpan.Zero;
    }

    /// <summary>As one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, OnceReportJson.Readable.OnceReport);

    /// <summary>For a person.</summary>
    public override string ToString() => $"{Health}. {Message}";
}

/// <summary>Generated: JSON without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(OnceReport))]
internal sealed partial class OnceReportJson : JsonSerializerContext
{
    // The default encoder is made for HTML, and writes ' as \u0027.
    public static OnceReportJson Readable => field ??= new(new JsonSerializerOptions(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
