using System.Collections;

namespace Hypercall.Testing;

/// <summary>A copy of a list that equals another with the same items in the same order.</summary>
internal sealed class OptionList<T>(IEnumerable<T> items) : IReadOnlyList<T>
    where T : IEquatable<T>
{
    private readonly T[] _items = [.. items];

    public int Count => _items.Length;

    public T this[int index] => _items[index];

    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)_items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override bool Equals(object? obj) => obj is OptionList<T> other && _items.AsSpan().SequenceEqual(other._items);

    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (T item in _items)
        {
            hash.Add(item);
        }

        return hash.ToHashCode();
    }
}
