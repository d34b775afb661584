using Microsoft.Extensions.Logging;

namespace Hypercall;

internal static partial class HypercallLog
{
    [LoggerMessage(1, LogLevel.Debug, "{Target} raised {Fault}.")]
    public static partial void Faulted(ILogger logger, string target, string fault);
}
