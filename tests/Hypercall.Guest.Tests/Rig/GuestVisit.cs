namespace Hypercall.Guest.Tests.Rig;

/// <summary>What a person with a prompt saw.</summary>
/// <param name="Screen">All that was shown.</param>
/// <param name="Answer">What was shown between the call's Enter and its end; null when it did not get that far.</param>
/// <param name="Failure">What did not come; null when all did.</param>
internal sealed record GuestVisit(string Screen, string? Answer, string? Failure);
