namespace Hypercall.Guest.Tests.Tap;

/// <summary>One test of a TAP stream.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Name">What stands after the dash.</param>
/// <param name="Outcome">What became of it.</param>
/// <param name="Details">The reason of a skip; the lines that a failure came with; otherwise the comments after it.</param>
internal sealed record TapResult(int Number, string Name, TapOutcome Outcome, string Details);
