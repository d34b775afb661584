namespace Hypercall.Testing;

/// <summary>A planned fault whose moment came.</summary>
/// <param name="Fault">The fault.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="Call">In or after which call, from 1; 0 before the first.</param>
/// <param name="Rule">Which rule forbids it, or what is missing; null if it struck.</param>
public sealed record FakeStrike(PlannedFault Fault, FakeStrikeOutcome Outcome, int Call, string? Rule = null);
