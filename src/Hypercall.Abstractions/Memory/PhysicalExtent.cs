namespace Hypercall;

/// <summary>Bytes at consecutive guest physical addresses.</summary>
/// <param name="Start">The address of the first byte.</param>
/// <param name="Length">How many bytes, 1 and more.</param>
public readonly record struct PhysicalExtent(GuestPhysicalAddress Start, long Length);
