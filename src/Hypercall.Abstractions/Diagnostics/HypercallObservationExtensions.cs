using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall;

/// <summary>Logs and metrics of a channel, without dependency injection as with it.</summary>
public static class HypercallObservationExtensions
{
    /// <summary>
    /// The channel, with its calls counted and timed, and its faults logged, as long as anybody listens. A channel that is
    /// observed already is observed anew instead, never twice.
    /// The channels of <c>NativeMachine</c> and <c>FakeMachine</c> are observed from the start.
    /// </summary>
    /// <param name="channel">The channel.</param>
    /// <param name="loggers">Where to log; null for nowhere.</param>
    /// <param name="meters">Whose meter <c>Hypercall</c> to count on; null for the process's own.</param>
    /// <param name="machine">The value of the tag <c>hypercall.machine</c>, for a program with more than one machine; null for
    /// none.</param>
    /// <example>
    /// <code>
    /// IHypercallMachine machine = fake.WithChannel(fake.Channel.Observe(loggers, meters, "left"));
    /// </code>
    /// </example>
    public static IHypercallChannel Observe(
        this IHypercallChannel channel, ILoggerFactory? loggers = null, IMeterFactory? meters = null, string? machine = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        HypercallMeter meter = HypercallMeter.Of(meters);
        ILogger logger = loggers?.CreateLogger<IHypercallChannel>() ?? (ILogger)NullLogger.Instance;
        IHypercallChannel inner = channel is ObservedChannel observed ? observed.Inner : channel;
        return new ObservedChannel(inner, meter, meter.GetMachine(machine), logger);
    }
}
