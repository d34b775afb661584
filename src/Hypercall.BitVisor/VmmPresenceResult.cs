namespace Hypercall.BitVisor;

/// <summary>Whether a VMM that calls functions by name is there, and how that was told.</summary>
public readonly struct VmmPresenceResult
{
    /// <summary>States an answer.</summary>
    /// <param name="presence">The answer.</param>
    /// <param name="rax">RAX of the look-up that decided it: of <c>boot</c>, or of the name that cannot exist.</param>
    /// <param name="status">How the look-up's call itself ended: why it did not complete, when it did not.</param>
    public VmmPresenceResult(VmmPresence presence, ulong rax, HypercallStatus status)
    {
        Presence = presence;
        Rax = rax;
        Status = status;
    }

    /// <summary>The answer.</summary>
    public VmmPresence Presence { get; }

    /// <summary>RAX of the look-up that decided it: of <c>boot</c>, or of the name that cannot exist.</summary>
    public ulong Rax { get; }

    /// <summary>How the look-up's call itself ended: why it did not complete, when it did not.</summary>
    public HypercallStatus Status { get; }

    /// <summary>Whether it is there.</summary>
    public bool IsPresent => Presence == VmmPresence.Present;

    /// <summary>What happened, and what can be done about it.</summary>
    public string Message => Presence switch
    {
        VmmPresence.Present => "A VMM that calls functions by name is present.",
        VmmPresence.Absent => "No VMM that calls functions by name is present: the look-up of 'boot', which every build has, gave 0.",
        VmmPresence.ForeignAbi when Rax is >= 1 and <= BitVisorClient.MaxFunctionNumber =>
            $"A VMM answered, but not in this ABI: it gave number {Rax} to a name that cannot exist.",
        VmmPresence.ForeignAbi => VmmLookup.DescribeForeign("boot", Rax),
        _ when Status.IsCompleted => "The look-up did not complete.",
        _ => Status.ToException().Message,
    };
}
