using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

/// <summary>A copy of texts by path, in the order of the paths, that equals another with the same.</summary>
internal sealed class OptionFiles(IEnumerable<KeyValuePair<string, string>> files) : IReadOnlyDictionary<string, string>
{
    private readonly SortedDictionary<string, string> _files = new(files.ToDictionary(), StringComparer.Ordinal);

    public int Count => _files.Count;

    public IEnumerable<string> Keys => _files.Keys;

    public IEnumerable<string> Values => _files.Values;

    public string this[string key] => _files[key];

    public bool ContainsKey(string key) => _files.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value) => _files.TryGetValue(key, out value);

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => _files.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override bool Equals(object? obj) => obj is OptionFiles other && _files.SequenceEqual(other._files);

    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (KeyValuePair<string, string> file in _files)
        {
            hash.Add(file.Key);
            hash.Add(file.Value);
        }

        return hash.ToHashCode();
    }
}
