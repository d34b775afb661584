namespace Hypercall;

/// <summary>Why a channel itself refused a call: nothing was executed, and no VMM heard of it.</summary>
/// <remarks>An instruction is never refused; a device of the guest's kernel can be, or a permission that is not there.</remarks>
public sealed class ChannelRefusal
{
    /// <summary>Says why.</summary>
    /// <param name="channel">The channel, such as <c>/dev/hypercall</c>.</param>
    /// <param name="reason">What happened, with the system call and the error that it gave, without a full stop.</param>
    /// <param name="remedy">What to do, in a sentence.</param>
    /// <param name="error">The system's error number (errno; Win32 on Windows); 0 for none.</param>
    /// <param name="isTransient">Whether the same call may be taken later, with nothing changed.</param>
    public ChannelRefusal(string channel, string reason, string remedy, int error = 0, bool isTransient = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(channel);
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        ArgumentException.ThrowIfNullOrWhiteSpace(remedy);
        Channel = channel;
        Reason = reason;
        Remedy = remedy;
        ErrorCode = error;
        IsTransient = isTransient;
    }

    /// <summary>The channel, such as <c>/dev/hypercall</c>.</summary>
    public string Channel { get; }

    /// <summary>What happened, with the system call and the error that it gave.</summary>
    public string Reason { get; }

    /// <summary>What to do, in a sentence.</summary>
    public string Remedy { get; }

    /// <summary>The system's error number (errno; Win32 on Windows); 0 for none.</summary>
    public int ErrorCode { get; }

    /// <summary>Whether the same call may be taken later, with nothing changed.</summary>
    public bool IsTransient { get; }

    /// <summary>What happened, and what can be done about it.</summary>
    public string Message => $"{Channel} refused the call: {Reason}. Nothing was executed. {Remedy}";

    /// <inheritdoc/>
    public override string ToString() => Message;
}
