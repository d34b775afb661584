using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

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
    /// <summary>Puts it together.</summary>
    /// <param name="options">What was asked for.</param>
    /// <param name="snapshot">What was seen.</param>
    /// <param name="health">How it was judged.</param>
    public static OnceReport Of(WatchOptions options, WatchSnapshot snapshot, HealthReportEntry health)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(snapshot);
        return new OnceReport(
            health.Status.ToString(), options.Machine.ToString(), options.Function,
            snapshot.Last?.Outcome.ToString(), snapshot.LastValue, snapshot.Last?.Duration.TotalSeconds, health.Description);
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
