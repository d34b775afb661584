namespace Hypercall.Testing;

/// <summary>What became of the planned faults of one kind, over all cases of a check.</summary>
public readonly struct VmmCheckFaultOccurrences
{
    internal VmmCheckFaultOccurrences(FakeFaultKind kind) => Kind = kind;

    /// <summary>The kind.</summary>
    public FakeFaultKind Kind { get; }

    /// <summary>How many happened.</summary>
    public int Occurred { get; internal init; }

    /// <summary>How many of those while the VMM had the virtual CPU, or after a call.</summary>
    public int AfterEntry { get; internal init; }

    /// <summary>How many found nothing to happen to.</summary>
    public int Missed { get; internal init; }

    /// <summary>How many no real machine would do.</summary>
    public int Forbidden { get; internal init; }
}
