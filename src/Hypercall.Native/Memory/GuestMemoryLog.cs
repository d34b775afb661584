using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

internal static partial class GuestMemoryLog
{
    [LoggerMessage(301, LogLevel.Warning,
        "A guest buffer of {Length} bytes was collected without Dispose while a lease on it was held. Its memory is left where it is for as long as the "
        + "process lives: a VMM may still use its address. Dispose the lease, then the buffer.")]
    public static partial void Leaked(ILogger logger, long length);

    [LoggerMessage(302, LogLevel.Debug, "No {Residency}, {Contiguity} memory of {Length} bytes ({Reason}); trying {NextResidency}, {NextContiguity}.")]
    public static partial void MemoryFallback(
        ILogger logger,
        Residency residency,
        Contiguity contiguity,
        long length,
        GuestMemoryRefusalReason reason,
        Residency nextResidency,
        Contiguity nextContiguity);

    [LoggerMessage(303, LogLevel.Warning,
        "Buffers are not kept out of all copies of this process's memory that the kernel makes, only out of: {ExcludedFrom} ({Failure}). GuestBuffer.ExcludedFrom says it of each.")]
    public static partial void NotExcluded(ILogger logger, ExcludedCopies excludedFrom, string failure);
}
