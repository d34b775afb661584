namespace Hypercall.BitVisor;

/// <summary>Whether a VMM that calls functions by name is there.</summary>
public enum VmmPresence
{
    /// <summary>It is: it knows <c>boot</c>, and does not know a name that cannot exist.</summary>
    Present,

    /// <summary>It is not: <c>boot</c> was not found. Either a VMM ignores hypercalls, or one has no such function.</summary>
    Absent,

    /// <summary>A VMM answered in another ABI, or gave a number to a name that cannot exist.</summary>
    ForeignAbi,

    /// <summary>The CPU raised a fault on the instruction: see <see cref="VmmPresenceResult.Status"/>.</summary>
    Faulted,

    /// <summary>The channel itself refused the call: see <see cref="VmmPresenceResult.Status"/>.</summary>
    Refused,
}
