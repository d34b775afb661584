using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace VmmWatch;

/// <summary>All that is logged, with the numbers of the events.</summary>
internal static partial class WatchLog
{
    private static readonly Func<ILogger, string, long, IDisposable?> Scope = LoggerMessage.DefineScope<string, long>("{Function}, poll {Poll}");

    public static IDisposable? BeginPoll(ILogger logger, string function, long poll) => Scope(logger, function, poll);

    [LoggerMessage(1, LogLevel.Information, "Watching '{Function}' of the {Machine} machine, every {Period}.")]
    public static partial void Started(ILogger logger, string function, WatchedMachine machine, TimeSpan period);

    [LoggerMessage(2, LogLevel.Information, "Stopped after {Polls} polls.")]
    public static partial void Stopped(ILogger logger, long polls);

    [LoggerMessage(3, LogLevel.Warning, "A call has not come back, and will not be waited for: the VMM has it since {Started:O}.")]
    public static partial void Abandoned(ILogger logger, DateTimeOffset started);

    [LoggerMessage(10, LogLevel.Information, "'{Function}' answers; the first value is {Value}.")]
    public static partial void Answers(ILogger logger, string function, ulong value);

    [LoggerMessage(11, LogLevel.Information, "'{Function}' answers again; polls without an answer: {Failures}; the value is {Value}.")]
    public static partial void AnswersAgain(ILogger logger, string function, int failures, ulong value);

    [LoggerMessage(12, LogLevel.Warning, "No answer ({Outcome}). {Message}")]
    public static partial void NoAnswer(ILogger logger, PollOutcome outcome, string message);

    [LoggerMessage(13, LogLevel.Debug, "{Outcome} after {Duration}. {Message}")]
    public static partial void Polled(ILogger logger, PollOutcome outcome, TimeSpan duration, string message);

    [LoggerMessage(20, LogLevel.Information, "Healthy. {Message}")]
    public static partial void Healthy(ILogger logger, string? message);

    [LoggerMessage(21, LogLevel.Warning, "Degraded. {Message}")]
    public static partial void Degraded(ILogger logger, string? message);

    [LoggerMessage(22, LogLevel.Error, "Unhealthy. {Message}")]
    public static partial void Unhealthy(ILogger logger, string? message);

    [LoggerMessage(23, LogLevel.Error, "The health file '{File}' cannot be written: {Message}")]
    public static partial void HealthFileFailed(ILogger logger, string file, string message);

    [LoggerMessage(24, LogLevel.Information, "The health file '{File}' can be written again.")]
    public static partial void HealthFileWorks(ILogger logger, string file);

    public static void Health(ILogger logger, HealthStatus status, string? message)
    {
        switch (status)
        {
            case HealthStatus.Healthy:
                Healthy(logger, message);
                break;
            case HealthStatus.Degraded:
                Degraded(logger, message);
                break;
            default:
                Unhealthy(logger, message);
                break;
        }
    }
}
