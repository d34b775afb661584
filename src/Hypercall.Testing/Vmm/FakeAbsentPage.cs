namespace Hypercall.Testing;

/// <summary>A page that the VMM found absent, and lets the guest's kernel bring in.</summary>
/// <param name="Address">The address: CR2.</param>
/// <param name="ErrorCode">The error code of the #PF.</param>
internal readonly record struct FakeAbsentPage(ulong Address, PageFaultErrorCode ErrorCode);
