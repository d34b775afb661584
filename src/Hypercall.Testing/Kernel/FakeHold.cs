namespace Hypercall.Testing;

/// <summary>
/// A lock or a pin on some pages of a mapping. Holds may overlap: a page is held as strongly as the strongest of them says.
/// </summary>
/// <param name="First">Index of the first page.</param>
/// <param name="Count">How many pages.</param>
/// <param name="Residency"><see cref="Residency.Locked"/> or <see cref="Residency.Pinned"/>.</param>
internal sealed record FakeHold(int First, int Count, Residency Residency)
{
    public bool Covers(int page) => page >= First && page < First + Count;
}
