namespace Hypercall.Testing;

/// <summary>What became of the planned faults of one kind, over all cases of a check.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Occurred">How many happened.</param>
/// <param name="AfterEntry">How many of those while the VMM had the virtual CPU, or after a call.</param>
/// <param name="Missed">How many found nothing to happen to.</param>
/// <param name="Forbidden">How many no real machine would do.</param>
public readonly record struct VmmCheckFaultOccurrences(FakeFaultKind Kind, int Occurred, int AfterEntry, int Missed, int Forbidden);
