namespace VmmWatch;

/// <summary>How a poll ended.</summary>
public enum PollOutcome
{
    /// <summary>The function answered; its value is known.</summary>
    Answered,

    /// <summary>The function changed nothing, as one does that refuses.</summary>
    Refused,

    /// <summary>The VMM knows no such function, or there is none that calls functions by name.</summary>
    NotFound,

    /// <summary>A VMM answered, in another ABI.</summary>
    ForeignVmm,

    /// <summary>The CPU raised a fault on the instruction.</summary>
    Faulted,

    /// <summary>The guest has no memory, no instruction or no way to make the call.</summary>
    Impossible,
}
