namespace Hypercall.Testing.Tests;

/// <summary>
/// A few frames full of entries at random: most lead to another of the frames, with rights, PS and reserved bits at random, and
/// some are garbage. Tables are shared between levels and lead back to themselves, as no kernel would make them.
/// </summary>
internal sealed class RandomTables
{
    private readonly Random _random;
    private readonly ulong[] _frames;

    public RandomTables(int seed, int physicalBits)
    {
        _random = new Random(seed);
        _frames = [.. Enumerable.Range(0, 6).Select(_ => (ulong)_random.NextInt64(1L << (physicalBits - 12)))];
        ulong space = (1ul << physicalBits) - 1;
        foreach (ulong frame in _frames)
        {
            ulong[] table = Frames.Add(frame);
            for (int i = 0; i < table.Length; i++)
            {
                table[i] = Entry(space);
            }
        }
    }

    public TestFrames Frames { get; } = new();

    public ulong Cr3 => _frames[_random.Next(_frames.Length)] << 12 | (uint)_random.Next(0x1000);

    /// <summary>Any 64 bits, but mostly canonical.</summary>
    public ulong Address(FakePaging paging)
    {
        ulong any = Bits();
        int shift = paging == FakePaging.FourLevel ? 16 : 7;
        return _random.Next(20) == 0 ? any ^ (1ul << (63 - _random.Next(shift + 1))) : (ulong)((long)(any << shift) >> shift);
    }

    public bool Coin() => _random.Next(2) == 0;

    public T Pick<T>(IReadOnlyList<T> choices) => choices[_random.Next(choices.Count)];

    private ulong Bits() => (ulong)_random.NextInt64(long.MinValue, long.MaxValue);

    private ulong Entry(ulong space)
    {
        switch (_random.Next(40))
        {
            case 0:
                return Bits();
            case 1:
                return Bits() | 1;
            case 2:
                return 0;
            case 3:
                return Bits() & ~1ul;
            case 4:
                return ulong.MaxValue;
        }

        // Rights are mostly given, or hardly any walk of five levels would be allowed anything. Bits 3 to 6 and 9 to 11 mean
        // nothing here.
        ulong entry = _frames[_random.Next(_frames.Length)] << 12 | 1 | (Bits() & 0x7ff0_0000_0000_0e78);
        entry |= _random.Next(6) == 0 ? 0 : 2ul;
        entry |= _random.Next(6) == 0 ? 0 : 4ul;
        entry |= _random.Next(12) == 0 ? 1ul << 63 : 0;
        entry |= _random.Next(40) == 0 ? 1ul << 8 : 0;
        entry |= _random.Next(40) == 0 ? 1ul << _random.Next(12, 52) : 0;
        if (_random.Next(5) == 0)
        {
            // A page, aligned to 1 GiB or 2 MiB or not at all, with PAT or without. Where that is no page, PS is reserved.
            ulong aligned = Pick([~0x3fff_f000ul, ~0x001f_f000ul, ~0ul]) & (Bits() & space & ~0xffful);
            entry = (entry & ~0x000f_ffff_ffff_f000ul) | aligned | 1 << 7 | (_random.Next(4) == 0 ? 1ul << 12 : 0);
        }

        return entry;
    }
}
