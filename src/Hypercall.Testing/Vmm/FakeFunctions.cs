using System.Collections.Immutable;
using System.Text;

namespace Hypercall.Testing;

/// <summary>
/// The functions of a fake VMM, by name and by convention and number. Immutable: a call takes one look at it, whatever is
/// registered meanwhile.
/// </summary>
/// <remarks>
/// A frame is looked at by each convention in which functions were registered, those with the most constants first: they know a
/// call for theirs. Then, where the VMM finds names, its number is that of a name. By CPUID, IN and OUT only conventions are
/// served that name a leaf or a port: nobody watches all of them.
/// </remarks>
internal sealed class FakeFunctions
{
    public const string GetVmmcallNumber = "get_vmmcall_number"; // function 0 of BitVisor

    // BitVisor's core/vmmcall.c holds 128 slots, and number 0 finds the others.
    public const int MaxNumber = 127;

    // ... and reads names of at most 256 bytes, with their NUL.
    public const int MaxNameBytes = 256;

    private static readonly Encoding StrictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    private readonly FakeFunction?[] _byNumber;

    // Keyed by the bytes of the name, one character each: a byte sequence that is not UTF-8 must match nothing.
    private readonly Dictionary<string, int> _byName;

    private readonly FakeNumbers[] _conventions;

    private FakeFunctions(FakeFunction?[] byNumber, FakeNumbers[] conventions)
    {
        _byNumber = byNumber;
        _conventions = conventions;
        Lookup = new FakeFunction(GetVmmcallNumber, call => call.Result = LookUp(call), convention: null);
        _byName = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int number = 1; number < byNumber.Length; number++)
        {
            if (byNumber[number] is { } function)
            {
                _byName.Add(Key(function.Name), number);
            }
        }
    }

    public static FakeFunctions Empty { get; } = new(new FakeFunction?[MaxNumber + 1], []);

    /// <summary>Those that every build of BitVisor has. After boot these refuse, and a refusal is RAX unchanged.</summary>
    public static FakeFunctions OfEveryBuild { get; } = Empty.With("boot", static _ => { }).With("loadcfg", static _ => { }).With("loadcfg64", static _ => { });

    /// <summary>Function 0, which finds the others.</summary>
    public FakeFunction Lookup { get; }

    /// <summary>The function that a frame calls; null if none is there.</summary>
    public FakeFunction? Find(FakeVmmPersonality vmm, FakeExit exit, in HypercallRegisters registers)
    {
        if (exit.IsWatched && !vmm.CanWatch)
        {
            return null;
        }

        foreach (FakeNumbers numbers in _conventions)
        {
            if ((!exit.IsWatched || exit.IsNamedBy(numbers.Convention)) && numbers.Find(in registers) is { } function)
            {
                return function;
            }
        }

        if (!vmm.FindsNames || (exit.IsWatched && !vmm.Watches(exit, in registers)))
        {
            return null;
        }

        ulong number = vmm.Convention.Number.Read(in registers);
        return number == 0 ? Lookup : number <= MaxNumber ? _byNumber[(int)number] : null;
    }

    public FakeFunctions With(string name, Action<FakeCall> handler)
    {
        string key = Key(name);
        if (!_byName.TryGetValue(key, out int number))
        {
            number = Enumerable.Range(1, MaxNumber).FirstOrDefault(IsFree);
            if (number == 0)
            {
                throw new InvalidOperationException(
                    $"There is no number left for '{name}': a VMM that calls functions by name has {MaxNumber} of them, numbers 1 to {MaxNumber}. Remove one first.");
            }
        }

        FakeFunction?[] functions = [.. _byNumber];
        functions[number] = new FakeFunction(name, handler, convention: null);
        return new FakeFunctions(functions, _conventions);
    }

    public FakeFunctions With(HypercallConvention convention, ulong number, Action<FakeCall> handler)
    {
        FakeNumbers numbers = NumbersOf(convention) ?? new FakeNumbers(convention, ImmutableDictionary<ulong, FakeFunction>.Empty);
        return With(numbers.With(number, handler));
    }

    public FakeFunctions Without(string name)
    {
        if (!_byName.TryGetValue(Key(name), out int number))
        {
            return this;
        }

        FakeFunction?[] functions = [.. _byNumber];
        functions[number] = null;
        return new FakeFunctions(functions, _conventions);
    }

    public FakeFunctions Without(HypercallConvention convention, ulong number) =>
        NumbersOf(convention) is { } numbers ? With(numbers.Without(number)) : this;

    private FakeFunctions With(FakeNumbers changed)
    {
        IEnumerable<FakeNumbers> all = NumbersOf(changed.Convention) is null
            ? _conventions.Append(changed)
            : _conventions.Select(one => ReferenceEquals(one.Convention, changed.Convention) ? changed : one);
        return new FakeFunctions(_byNumber, [.. all.Where(one => !one.IsEmpty).OrderByDescending(one => one.Convention.Constants.Count)]);
    }

    private FakeNumbers? NumbersOf(HypercallConvention convention) =>
        Array.Find(_conventions, one => ReferenceEquals(one.Convention, convention));

    // A number of BitVisor's convention that a test took for itself is no name's.
    private bool IsFree(int number) =>
        _byNumber[number] is null && NumbersOf(HypercallConvention.BitVisor)?.Contains((ulong)number) != true;

    private ulong LookUp(FakeCall call)
    {
        GuestVirtualAddress address = new(call.Argument(0));
        Span<byte> bytes = stackalloc byte[MaxNameBytes];
        int length = 0;
        while (length < bytes.Length)
        {
            // Page by page: what lies behind the NUL must not be walked, for the next page may be absent.
            int inPage = Math.Min(bytes.Length - length, GuestPage.Size - address.PageOffset);
            Span<byte> chunk = bytes.Slice(length, inPage);
            if (!call.TryReadVirtual(address, chunk, out _))
            {
                return 0;
            }

            int nul = chunk.IndexOf((byte)0);
            if (nul >= 0)
            {
                return (ulong)_byName.GetValueOrDefault(Encoding.Latin1.GetString(bytes[..(length + nul)]));
            }

            length += inPage;
            address = new GuestVirtualAddress(unchecked(address.Value + (ulong)inPage));
        }

        return 0;
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
            throw new ArgumentException(
                $"'{GetVmmcallNumber}' is function 0, which every such VMM has, and which no look-up finds.", nameof(name));
        }

        byte[] bytes;
        try
        {
            bytes = StrictUtf8.GetBytes(name);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException(
                "The name of a VMM function is UTF-8: this one has half of a surrogate pair.", nameof(name), e);
        }

        return bytes.Length < MaxNameBytes
            ? Encoding.Latin1.GetString(bytes)
            : throw new ArgumentException(
                $"The name of a VMM function has at most {MaxNameBytes - 1} bytes of UTF-8; this one has {bytes.Length}.", nameof(name));
    }
}
