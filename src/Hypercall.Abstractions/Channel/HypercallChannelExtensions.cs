namespace Hypercall;

/// <summary>What stands on <see cref="IHypercallChannel.TryInvoke"/>: its throwing form, and many frames at once.</summary>
public static class HypercallChannelExtensions
{
    /// <summary>Executes a frame, and throws when it does not complete.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="registers">The frame, in and out; unchanged when the call does not complete.</param>
    /// <exception cref="HypercallFaultException">The CPU raised a fault on the instruction.</exception>
    /// <exception cref="HypercallRefusedException">The channel itself refused the call.</exception>
    public static void Invoke(this IHypercallChannel channel, ref HypercallRegisters registers)
    {
        ArgumentNullException.ThrowIfNull(channel);
        channel.TryInvoke(ref registers).ThrowIfNotCompleted();
    }

    /// <summary>
    /// Executes frames in their order, and stops at the first that does not complete. Nothing of an answer is judged before the
    /// next frame goes: for calls that do not depend on each other. A machine's own channel makes one transition for many frames.
    /// </summary>
    /// <param name="channel">The channel.</param>
    /// <param name="frames">The frames, in and out; that which did not complete, and all after it, are unchanged.</param>
    /// <param name="completed">How many completed: the index of the frame that did not, or the number of all.</param>
    /// <returns>Completed when all did; otherwise how the frame at <paramref name="completed"/> ended.</returns>
    public static HypercallStatus TryInvokeAll(this IHypercallChannel channel, Span<HypercallRegisters> frames, out int completed)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return channel is IManyFrames many ? many.TryInvokeAll(frames, out completed) : channel.TryInvokeEach(frames, out completed);
    }

    /// <summary>As <see cref="TryInvokeAll"/>, one after the other through <see cref="IHypercallChannel.TryInvoke"/>.</summary>
    internal static HypercallStatus TryInvokeEach(this IHypercallChannel channel, Span<HypercallRegisters> frames, out int completed)
    {
        for (completed = 0; completed < frames.Length; completed++)
        {
            HypercallStatus status = channel.TryInvoke(ref frames[completed]);
            if (!status.IsCompleted)
            {
                return status;
            }
        }

        return HypercallStatus.Completed;
    }
}
