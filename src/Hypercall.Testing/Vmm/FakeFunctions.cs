using System.Text;

namespace Hypercall.Testing;

/// <summary>
/// The functions of a fake VMM, by number and by name. Immutable: a call takes one look at it, whatever is registered meanwhile.
/// </summary>
internal sealed class FakeFunctions
{
    public const string GetVmmcallNumber = "get_vmmcall_number"; // function 0 of BitVisor

    // BitVisor's core/vmmcall.c holds 128 slots, and number 0 finds the others.
    public const int MaxNumber = 127;

    // ... and reads names of at most 256 bytes, with their NUL.
    public const int MaxNameBytes = 256;

    private static readonly Encoding StrictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    private readonly Function?[] _byNumber;

    // Keyed by the bytes of the name, one character each: a byte sequence that is not UTF-8 must match nothing.
    private readonly Dictionary<string, int> _byName;

    private FakeFunctions(Function?[] byNumber)
    {
        _byNumber = byNumber;
        _byName = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int number = 1; number < byNumber.Length; number++)
        {
            if (byNumber[number] is { } function)
            {
                _byName.Add(Key(function.Name), number);
            }
        }
    }

    public static FakeFunctions Empty { get; } = new(new Function?[MaxNumber + 1]);

    public Function? Find(ulong number) => number <= MaxNumber ? _byNumber[(int)number] : null;

    public int Find(ReadOnlySpan<byte> name) => _byName.GetValueOrDefault(Encoding.Latin1.GetString(name));

    public FakeFunctions With(string name, Action<FakeCall> handler)
    {
        string key = Key(name);
        if (!_byName.TryGetValue(key, out int number))
        {
            number = Array.IndexOf(_byNumber, null, 1);
            if (number < 0)
            {
                throw new InvalidOperationException(
                    $"There is no number left for '{name}': a VMM that calls functions by name has {MaxNumber} of them, numbers 1 to {MaxNumber}. Remove one first.");
            }
        }

        Function?[] functions = [.. _byNumber];
        functions[number] = new Function(name, handler);
        return new FakeFunctions(functions);
    }

    public FakeFunctions Without(string name)
    {
        if (!_byName.TryGetValue(Key(name), out int number))
        {
            return this;
        }

        Function?[] functions = [.. _byNumber];
        functions[number] = null;
        return new FakeFunctions(functions);
    }

    private static string Key(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("The name of a VMM function has no NUL.", nameof(name));
        }

        if (name == GetVmmcallNumber)
        {
            throw new ArgumentException($"'{GetVmmcallNumber}' is function 0, which every such VMM has, and which no look-up finds.", nameof(name));
        }

        byte[] bytes;
        try
        {
            bytes = StrictUtf8.GetBytes(name);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("The name of a VMM function is UTF-8: this one has half of a surrogate pair.", nameof(name), e);
        }

        return bytes.Length < MaxNameBytes
            ? Encoding.Latin1.GetString(bytes)
            : throw new ArgumentException(
                $"The name of a VMM function has at most {MaxNameBytes - 1} bytes of UTF-8; this one has {bytes.Length}.", nameof(name));
    }

    public sealed record Function(string Name, Action<FakeCall> Handler);
}
