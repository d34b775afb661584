namespace Hypercall.Testing;

/// <summary>What the fake machine knows of a frame.</summary>
/// <param name="Kind">Who it belongs to.</param>
/// <param name="Mapping">The mapping whose page is in it; null when none is.</param>
/// <param name="Page">Index of that page in its mapping; of a stale frame, of the page that was in it.</param>
/// <param name="Buffer">The number of the buffer whose page is or was in it; 0 if there is none.</param>
internal readonly record struct FakeFrame(FrameKind Kind, FakeMapping? Mapping = null, int Page = 0, int Buffer = 0);
