namespace Hypercall.Testing;

/// <summary>
/// The mappings of the fake guest's process, sorted by address, and the addresses that are left: none is used twice. Changes are
/// made under the memory's lock, walks take none.
/// </summary>
internal sealed class FakeAddressSpace
{
    private const ulong FirstAddress = 0x7f00_0000_0000;         // where Linux's mmap hands out addresses, more or less
    private const ulong FirstAddress5 = 0x00aa_7f00_0000_0000;   // above what four levels reach
    private const int PagesOf2MiB = 512;
    private const int PagesOf1GiB = 512 * 512;

    // An unmapped mapping stays in the table, for a walk skips it, until half of the table is unmapped: so a change costs O(1) on
    // average.
    private const int SmallestTable = 16;

    private volatile Table _table = new(new FakeMapping[SmallestTable], 0);
    private readonly List<(ulong First, ulong End)> _gaps = []; // before mappings of large pages
    private readonly ulong _firstPage;
    private ulong _nextPage;
    private int _unmapped;

    public FakeAddressSpace(FakePaging paging)
    {
        AddressLimit = paging == FakePaging.FiveLevel ? 1ul << 56 : 1ul << 47; // the lower half of canonical addresses: Intel SDM vol. 1, section 3.3.7.1
        _firstPage = (paging == FakePaging.FiveLevel ? FirstAddress5 : FirstAddress) >> GuestPage.Shift;
        _nextPage = _firstPage;
    }

    /// <summary>The first address that no process has.</summary>
    public ulong AddressLimit { get; }

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

    /// <summary>Whether an address was part of a mapping that is gone.</summary>
    public bool WasMapped(ulong page) => page >= _firstPage && page < _nextPage && Find(page) is null && Find(page - 1) is null
        && !_gaps.Exists(gap => page >= gap.First && page < gap.End);

    /// <summary>Finds room for a mapping; its pages are in no frame yet.</summary>
    public FakeMapping? Reserve(long length, int pageOffset, FakeMappingKind kind, int buffer)
    {
        ulong pages = (ulong)GuestPage.Count(new GuestVirtualAddress((ulong)pageOffset), length);
        ulong alignment = pages >= PagesOf1GiB ? PagesOf1GiB : pages >= PagesOf2MiB ? PagesOf2MiB : 1ul;
        ulong first = (_nextPage + alignment - 1) & ~(alignment - 1);
        ulong next = first + pages + 1; // one page of nobody behind it
        if (next > AddressLimit >> GuestPage.Shift)
        {
            return null;
        }

        if (first != _nextPage)
        {
            _gaps.Add((_nextPage, first));
        }

        _nextPage = next;
        return new FakeMapping(new GuestVirtualAddress((first << GuestPage.Shift) + (ulong)pageOffset), length, kind, buffer);
    }

    /// <summary>Makes a mapping reachable: it lies above all others.</summary>
    public void Add(FakeMapping mapping, Memory<byte> bytes)
    {
        mapping.Map(bytes);
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
