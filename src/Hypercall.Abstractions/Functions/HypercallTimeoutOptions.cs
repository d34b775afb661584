namespace Hypercall;

/// <summary>How a call with a timeout is made.</summary>
public sealed class HypercallTimeoutOptions
{
    internal static HypercallTimeoutOptions Default { get; } = new();

    /// <summary>
    /// How many calls may be left behind in the VMM under one machine, 1 and more: as long as so many have not come back, a
    /// further call is refused with a
    /// <see cref="HypercallLeftBehindException"/>. The default is 1: a thread is lost for each.
    /// </summary>
    public int MaxLeftBehind { get; init; } = 1;

    /// <summary>
    /// The buffers whose addresses are in the call. They are leased until the call comes back, also when that is after the
    /// timeout; until then they cannot be disposed.
    /// </summary>
    public IReadOnlyList<GuestBuffer> Buffers { get; init; } = [];

    /// <summary>The clock of the timeout. The default is the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal void ThrowIfInvalid()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxLeftBehind, nameof(MaxLeftBehind));
        ArgumentNullException.ThrowIfNull(Buffers, nameof(Buffers));
        ArgumentNullException.ThrowIfNull(TimeProvider, nameof(TimeProvider));
    }
}
