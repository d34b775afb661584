namespace Hypercall.Native;

/// <summary>Why one way to memory failed.</summary>
/// <param name="Refusal">What is told if nothing else works.</param>
/// <param name="Why">The short of it, for the list of all ways.</param>
/// <param name="NextPages">Whether other pages may still do: transparent huge pages after those of the pool.</param>
/// <param name="NextPin">Whether another way to pin may still do: ramfs after io_uring.</param>
internal sealed record Setback(GuestMemoryRefusal Refusal, string Why, bool NextPages = false, bool NextPin = false);
