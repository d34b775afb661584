namespace Hypercall.Testing;

/// <summary>
/// The mappings of the fake guest's process, sorted by address: what a page walk searches. Changes are made under the memory's lock,
/// walks take none.
/// </summary>
internal sealed class FakeAddressSpace
{
    // An unmapped mapping stays in the table, for a walk skips it, until half of the table is unmapped: so a change costs O(1) on average.
    private const int SmallestTable = 16;

    private volatile Table _table = new(new FakeMapping[SmallestTable], 0);
    private int _unmapped;

    public FakeMapping? Find(ulong page)
    {
        Table table = _table;
        int low = 0;
        int high = table.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (table.Items[middle].FirstPage <= page)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low > 0 && table.Items[low - 1] is { IsMapped: true } mapping && page - mapping.FirstPage < (ulong)mapping.PageCount
            ? mapping
            : null;
    }

    /// <summary>Adds a mapping above all others.</summary>
    public void Add(FakeMapping mapping)
    {
        Table table = _table;
        FakeMapping[] items = table.Items;
        if (table.Count == items.Length)
        {
            // Readers may hold the old array: it is left as it is.
            Array.Resize(ref items, items.Length * 2);
        }

        items[table.Count] = mapping;
        _table = new Table(items, table.Count + 1);
    }

    /// <summary>Takes note of a mapping that was unmapped.</summary>
    public void Remove()
    {
        Table table = _table;
        if (++_unmapped <= SmallestTable || _unmapped <= table.Count / 2)
        {
            return;
        }

        FakeMapping[] live = [.. table.Items.Take(table.Count).Where(mapping => mapping.IsMapped)];
        FakeMapping[] items = new FakeMapping[Math.Max(SmallestTable, live.Length * 2)];
        live.CopyTo(items, 0);
        _table = new Table(items, live.Length);
        _unmapped = 0;
    }

    private sealed record Table(FakeMapping[] Items, int Count);
}
