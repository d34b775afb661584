namespace Hypercall.BitVisor;

/// <summary>The VMM's status, or why there is none.</summary>
public sealed class VmmStatusReport
{
    internal VmmStatusReport(VmmStatusOutcome outcome, string message)
    {
        Outcome = outcome;
        Message = message;
    }

    /// <summary>How the question ended.</summary>
    public VmmStatusOutcome Outcome { get; }

    /// <summary>What happened, and what can be done about it.</summary>
    public string Message { get; }

    /// <summary>The VMM's text; null unless it is available.</summary>
    public string? Text { get; internal init; }

    /// <summary>The look-up of <c>get_status</c>.</summary>
    public VmmLookup Lookup { get; internal init; }

    /// <summary>The registers after the last call; all 0 when there was none.</summary>
    public HypercallRegisters Registers { get; internal init; }

    /// <summary>How the last call itself ended: when the outcome is <see cref="VmmStatusOutcome.NotCompleted"/>, why.</summary>
    public HypercallStatus Status { get; internal init; }
}
