namespace Hypercall.Guest.Tests.Rig;

/// <summary>What a person with a prompt saw.</summary>
/// <param name="Screen">All that was shown, from the last attempt.</param>
/// <param name="Answer">What was shown between the call's Enter and the next prompt; null when it did not get that far.</param>
/// <param name="ExitCode">Of rig/shell; null when it did not end.</param>
/// <param name="Sessions">The session in which each attempt ran.</param>
/// <param name="Failure">What did not come; null when all did.</param>
internal sealed record ShellRun(string Screen, string? Answer, int? ExitCode, IReadOnlyList<int> Sessions, string? Failure);
