using System.Collections;

namespace Hypercall.Testing;

/// <summary>A copy of a list of extents that equals another with the same extents in the same order.</summary>
internal sealed class PhysicalExtents(IEnumerable<PhysicalExtent> extents) : IReadOnlyList<PhysicalExtent>
{
    private readonly PhysicalExtent[] _extents = [.. extents];

    public int Count => _extents.Length;

    public PhysicalExtent this[int index] => _extents[index];

    public IEnumerator<PhysicalExtent> GetEnumerator() => ((IEnumerable<PhysicalExtent>)_extents).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override bool Equals(object? obj) => obj is PhysicalExtents other && _extents.AsSpan().SequenceEqual(other._extents);

    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (PhysicalExtent extent in _extents)
        {
            hash.Add(extent);
        }

        return hash.ToHashCode();
    }
}
