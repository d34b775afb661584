namespace Hypercall.Testing.Tests;

/// <summary>Frames of page tables and nothing else: what is not in here is a hole.</summary>
internal sealed class TestFrames : IPageTableFrames
{
    private readonly Dictionary<ulong, ulong[]> _tables = [];
    private ulong _next = 0x7_0000;

    public IReadOnlyDictionary<ulong, ulong[]> Tables => _tables;

    public ulong[]? FindTable(ulong frame) => _tables.GetValueOrDefault(frame);

    public ulong AllocateTable(out ulong[] entries)
    {
        entries = Add(_next);
        ulong frame = _next;
        _next += 3;
        return frame;
    }

    public ulong[] Add(ulong frame) => _tables[frame] = new ulong[512];

    /// <summary>A copy of every table.</summary>
    public Dictionary<ulong, ulong[]> Copy() => _tables.ToDictionary(table => table.Key, table => (ulong[])table.Value.Clone());

    /// <summary>Every entry that differs from an earlier copy: its frame, index, and the bits that changed.</summary>
    public List<(ulong Frame, int Index, ulong Changed)> Differences(Dictionary<ulong, ulong[]> before)
    {
        List<(ulong, int, ulong)> found = [];
        foreach ((ulong frame, ulong[] table) in _tables)
        {
            ulong[] old = before.GetValueOrDefault(frame) ?? new ulong[512];
            for (int from = 0; ;)
            {
                int same = table.AsSpan(from).CommonPrefixLength(old.AsSpan(from));
                if (from + same == 512)
                {
                    break;
                }

                found.Add((frame, from + same, table[from + same] ^ old[from + same]));
                from += same + 1;
            }
        }

        return found;
    }
}
