using Microsoft.Extensions.Logging;

namespace Hypercall;

internal static partial class HypercallLog
{
    [LoggerMessage(1, LogLevel.Debug, "{Target} raised {Fault}.")]
    public static partial void Faulted(ILogger logger, string target, string fault);

    [LoggerMessage(4, LogLevel.Debug, "{Refusal}")]
    public static partial void Refused(ILogger logger, ChannelRefusal refusal);

    [LoggerMessage(
        2,
        LogLevel.Warning,
        "The call of {Function} is left behind in the VMM after {Seconds} s, with its thread. Left behind there: {Count}.")]
    public static partial void LeftBehind(ILogger logger, string function, double seconds, int count);

    [LoggerMessage(
        3,
        LogLevel.Information,
        "The call of {Function} that was left behind came back after {Seconds} s: {Outcome}. Its result was dropped.")]
    public static partial void CameBackLate(ILogger logger, string function, double seconds, string outcome);
}
