namespace Hypercall.Guest.Tests;

/// <summary>What was said of one scenario.</summary>
/// <param name="IsFailed">Whether it failed.</param>
/// <param name="Skipped">Why it was skipped; null when it was not.</param>
/// <param name="Message">What went wrong.</param>
internal sealed record TapResult(bool IsFailed, string? Skipped, string Message);
