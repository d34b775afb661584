using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall;

/// <summary>A channel that counts, times and logs what passes through it, as long as anybody listens.</summary>
internal sealed class ObservedChannel(IHypercallChannel inner, HypercallMeter meter, ILogger? logger) : IHypercallChannel, IManyFrames
{
    private readonly ILogger _logger = logger ?? NullLogger.Instance;

    public RegisterSet Carries => inner.Carries;

    public RegisterSet Returns => inner.Returns;

    public HypercallStatus TryInvoke(ref HypercallRegisters registers)
    {
        bool isMeasured = meter.IsListenedTo;
        long started = isMeasured ? Stopwatch.GetTimestamp() : 0;
        HypercallStatus status = inner.TryInvoke(ref registers);
        if (isMeasured)
        {
            meter.Record(in status, Stopwatch.GetElapsedTime(started));
        }

        if (!status.IsCompleted)
        {
            LogFault(in status);
        }

        return status;
    }

    /// <summary>In one transition when nobody listens; otherwise each frame is measured.</summary>
    public HypercallStatus TryInvokeAll(Span<HypercallRegisters> frames, out int completed)
    {
        HypercallStatus status;
        if (!meter.IsListenedTo)
        {
            status = inner.TryInvokeAll(frames, out completed);
            if (!status.IsCompleted)
            {
                LogFault(in status);
            }

            return status;
        }

        for (completed = 0; completed < frames.Length; completed++)
        {
            status = TryInvoke(ref frames[completed]);
            if (!status.IsCompleted)
            {
                return status;
            }
        }

        return HypercallStatus.Completed;
    }

    private void LogFault(in HypercallStatus status)
    {
        if (_logger.IsEnabled(LogLevel.Debug))
        {
            HypercallLog.Faulted(_logger, status.Fault.Target?.ToString() ?? "The instruction", status.Fault.Mnemonic);
        }
    }
}
