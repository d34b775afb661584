using System.Runtime.CompilerServices;

namespace Hypercall.Testing;

/// <summary>The page table of the guest's process, in guest frames: finds, makes and splits entries.</summary>
internal sealed class FakePageTable(FakePhysicalMemory physical, FakePaging paging)
{
    public const ulong Private = PageTableEntry.Present | PageTableEntry.Writable | PageTableEntry.User | PageTableEntry.NoExecute;
    public const ulong Touched = PageTableEntry.Accessed | PageTableEntry.Dirty;

    private const int PagesOf2MiB = 512;
    private const int PagesOf1GiB = 512 * 512;

    // The page table of the 2 MiB that were used last.
    private ulong[]? _table;
    private ulong _tableKey;
    private int _tableVersion;

    public PageTables Tables { get; } = new(physical, paging);

    /// <summary>The entry of a page that its process has written to.</summary>
    public static ulong Present(ulong frame) => Private | Touched | (frame << GuestPage.Shift);

    /// <summary>The entry of a page, which can be changed: a larger page is split first.</summary>
    public ref ulong Entry(FakeMapping mapping, int page)
    {
        ulong address = Address(mapping, page);
        if (Table(address) is { } table)
        {
            return ref table[PageTableEntry.Index(address, 1)];
        }

        ref ulong entry = ref Tables.FindEntry(address, out int level);
        while (!Unsafe.IsNullRef(ref entry) && level > 1 && entry != 0)
        {
            Split(address, ref entry, level);
            entry = ref Tables.FindEntry(address, out level);
        }

        return ref Tables.GetOrAddEntry(address);
    }

    /// <summary>The entry that maps a page, whatever its size, as it is; one that maps none is made.</summary>
    public ref ulong Leaf(FakeMapping mapping, int page, out int pages)
    {
        ulong address = Address(mapping, page);
        pages = 1;
        if (Table(address) is { } table)
        {
            return ref table[PageTableEntry.Index(address, 1)];
        }

        ref ulong entry = ref Tables.FindEntry(address, out int level);
        pages = level == 3 ? PagesOf1GiB : level == 2 ? PagesOf2MiB : 1;
        if (!Unsafe.IsNullRef(ref entry) && entry != 0)
        {
            return ref entry;
        }

        pages = 1;
        return ref Tables.GetOrAddEntry(address);
    }

    /// <summary>Puts each page of a mapping into a frame of its own.</summary>
    public void PlaceScattered(FakeMapping mapping)
    {
        for (int page = 0; page < mapping.PageCount; page++)
        {
            Entry(mapping, page) = Present(physical.Put(mapping, page));
        }
    }

    /// <summary>Puts the pages of a mapping into frames in a row, with the largest pages that fit.</summary>
    public void PlaceContiguous(FakeMapping mapping, ulong run)
    {
        int page = 0;
        while (page < mapping.PageCount)
        {
            ulong frame = run + (ulong)page;
            int level = Fits(PagesOf1GiB) ? 3 : Fits(PagesOf2MiB) ? 2 : 1;
            int pages = level == 3 ? PagesOf1GiB : level == 2 ? PagesOf2MiB : 1;
            Tables.GetOrAddEntry(Address(mapping, page), level) = Present(frame) | (level > 1 ? PageTableEntry.PageSize : 0);
            physical.Put(mapping, page, frame, pages);
            page += pages;

            bool Fits(int size) => mapping.PageCount - page >= size && frame % (ulong)size == 0 && (mapping.FirstPage + (ulong)page) % (ulong)size == 0;
        }
    }

    /// <summary>Maps guest-physical addresses as they are.</summary>
    public void PlaceAt(FakeMapping mapping, ulong frame)
    {
        for (int page = 0; page < mapping.PageCount; page++)
        {
            Entry(mapping, page) = Present(frame + (ulong)page);
        }
    }

    /// <summary>Whether the pages lie in frames in a row.</summary>
    public bool AreContiguous(FakeMapping mapping, int first, int count)
    {
        ulong expected = PageTableEntry.Frame(Read(mapping, first));
        for (int page = first; page < first + count; page++, expected++)
        {
            ulong entry = Read(mapping, page);
            if ((entry & PageTableEntry.Present) == 0 || PageTableEntry.Frame(entry) != expected)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A page's entry as 4 KiB pages would have it.</summary>
    public ulong Read(FakeMapping mapping, int page)
    {
        ulong address = Address(mapping, page);
        if (Table(address) is { } table)
        {
            return table[PageTableEntry.Index(address, 1)];
        }

        ref ulong entry = ref Tables.FindEntry(address, out int level);
        return Unsafe.IsNullRef(ref entry) ? 0
            : level == 1 ? entry
            : (entry & ~PageTableEntry.PageSize) + (address & ((level == 3 ? (ulong)PagesOf1GiB : PagesOf2MiB) - 1 << GuestPage.Shift));
    }

    /// <summary>The page table of an address, if it is mapped by 4 KiB pages.</summary>
    public ulong[]? Table(ulong address)
    {
        ulong key = address >> 21;
        if (_table is null || _tableKey != key || _tableVersion != Tables.Version)
        {
            _table = Tables.FindLeafTable(address);
            _tableKey = key;
            _tableVersion = Tables.Version;
        }

        return _table;
    }

    /// <summary>Takes a mapping's entries out; what was in frames leaves them.</summary>
    public void Clear(FakeMapping mapping)
    {
        for (int page = 0; page < mapping.PageCount; page++)
        {
            ref ulong entry = ref Tables.FindEntry(Address(mapping, page), out int level);
            if (Unsafe.IsNullRef(ref entry))
            {
                continue;
            }

            int pages = level == 3 ? PagesOf1GiB : level == 2 ? PagesOf2MiB : 1;
            if ((entry & PageTableEntry.Present) != 0 || PageTableEntry.IsDropped(entry) || PageTableEntry.IsMigrating(entry))
            {
                for (ulong i = 0; i < (ulong)pages; i++)
                {
                    physical.Retire(PageTableEntry.Frame(entry) + i);
                }
            }

            entry = 0;
            page += pages - 1;
        }
    }

    private static ulong Address(FakeMapping mapping, int page) => (mapping.FirstPage + (ulong)page) << GuestPage.Shift;

    private void Split(ulong address, ref ulong entry, int level)
    {
        ulong size = (level == 3 ? (ulong)PagesOf1GiB : PagesOf2MiB) << GuestPage.Shift;
        ulong part = size / PagesOf2MiB;
        ulong start = address & ~(size - 1);
        ulong whole = entry;
        entry = 0;
        for (ulong i = 0; i < PagesOf2MiB; i++)
        {
            ulong smaller = whole + (i * part);
            Tables.GetOrAddEntry(start + (i * part), level - 1) = level == 2 ? smaller & ~PageTableEntry.PageSize : smaller;
        }
    }
}
