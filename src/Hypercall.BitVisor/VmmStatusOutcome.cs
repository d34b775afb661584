namespace Hypercall.BitVisor;

/// <summary>How the question for the VMM's status ended.</summary>
public enum VmmStatusOutcome
{
    /// <summary>The text is there.</summary>
    Available,

    /// <summary>The VMM's configuration turns <c>get_status</c> off.</summary>
    Disabled,

    /// <summary>There is no such function to call: see <see cref="VmmStatusReport.Lookup"/>.</summary>
    NoFunction,

    /// <summary>The call did not complete: the CPU raised a fault on it, or the channel itself refused it.</summary>
    NotCompleted,

    /// <summary>The VMM did not deliver in three tries: a page was absent each time, or the text kept growing.</summary>
    Undelivered,

    /// <summary>The VMM gave an answer that the ABI does not know.</summary>
    Unexpected,
}
