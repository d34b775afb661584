using System.Collections.Concurrent;

namespace Hypercall;

/// <summary>
/// The values of the tag <c>hypercall.function</c>: names come from programs, and a metric keeps a series for each, so there is
/// an end to them.
/// </summary>
internal sealed class FunctionNames
{
    /// <summary>How many functions are told apart; all further ones are <see cref="Other"/>.</summary>
    public const int Most = 256;

    /// <summary>The name of those that came too late.</summary>
    public const string Other = "other";

    private readonly ConcurrentDictionary<string, string> _known = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>The name, or <see cref="Other"/>.</summary>
    /// <param name="name">The name of a function.</param>
    public string Bound(string name)
    {
        if (_known.TryGetValue(name, out string? known))
        {
            return known;
        }

        lock (_gate)
        {
            return _known.ContainsKey(name) || (_known.Count < Most && _known.TryAdd(name, name)) ? name : Other;
        }
    }
}
