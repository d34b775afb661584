namespace Hypercall.Guest.Tests.Tap;

/// <summary>What became of a test.</summary>
internal enum TapOutcome
{
    Passed,
    Failed,
    Skipped,
}
