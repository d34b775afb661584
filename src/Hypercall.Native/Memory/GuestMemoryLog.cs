using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

internal static partial class GuestMemoryLog
{
    [LoggerMessage(301, LogLevel.Warning,
        "A guest buffer of {Length} bytes was collected without Dispose while a lease on it was held. Its memory is left where it is for as long as the "
        + "process lives: a VMM may still use its address. Dispose the lease, then the buffer.")]
    public static partial void Leaked(ILogger logger, long length);

    [LoggerMessage(302, LogLevel.Debug, "No {Residency}, {Contiguity} memory of {Length} bytes ({Reason}); trying a fallback.")]
    public static partial void MemoryFallback(
        ILogger logger, Residency residency, Contiguity contiguity, long length, GuestMemoryRefusalReason reason);
}
