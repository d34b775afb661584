namespace Hypercall;

/// <summary>The throwing form of <see cref="IHypercallChannel.TryInvoke"/>.</summary>
public static class HypercallChannelExtensions
{
    /// <summary>Executes a frame, and throws when the instruction faults.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="registers">The frame, in and out; unchanged when the call faults.</param>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    public static void Invoke(this IHypercallChannel channel, ref HypercallRegisters registers)
    {
        ArgumentNullException.ThrowIfNull(channel);
        channel.TryInvoke(ref registers).ThrowIfFaulted();
    }
}
