namespace Hypercall.Testing;

/// <summary>A planned fault whose injection point came.</summary>
/// <param name="Fault">The fault.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="Call">In or after which call, from 1; 0 before the first.</param>
/// <param name="Rule">Which rule forbids it, or what is missing; null if it occurred.</param>
public sealed record FakeFaultOccurrence(PlannedFault Fault, FakeFaultOutcome Outcome, int Call, string? Rule = null);
