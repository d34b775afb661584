namespace Hypercall.Native;

/// <summary>A place in a ring that holds one pinned buffer.</summary>
/// <param name="Ring">The ring.</param>
/// <param name="Index">The slot in it.</param>
internal readonly record struct PinSlot(PinRing Ring, int Index);
