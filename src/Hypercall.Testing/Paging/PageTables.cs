using System.Runtime.CompilerServices;

namespace Hypercall.Testing;

/// <summary>
/// The page tables of the fake guest, as its kernel makes and edits them.
/// </summary>
/// <remarks>
/// Each table is one frame of guest memory; the walker finds them from CR3 and knows nothing of this class.
/// <code>
///  63..57  56..48   47..39   38..30   29..21   20..12   11..0
/// [ sign ][PML5   ][PML4   ][PDPT   ][ PD    ][ PT    ][offset]
///          5 levels    |        |        |        |
///          only        |        |        |        +- level 1: 4 KiB page
///                      |        |        +---------- level 2: 2 MiB page, or a page table
///                      |        +------------------- level 3: 1 GiB page, or a page directory
///                      +---------------------------- level 4: a page directory pointer table
/// </code>
/// Entries above a leaf permit everything: the leaf alone says what a page permits.
/// </remarks>
internal sealed class PageTables
{
    private const int LargestPage = 3; // PDPTE

    private readonly IPageTableFrames _frames;

    /// <param name="frames">Where tables are kept.</param>
    /// <param name="paging">How many levels.</param>
    public PageTables(IPageTableFrames frames, FakePaging paging)
    {
        _frames = frames;
        Paging = paging;
        Cr3 = frames.AllocateTable(out _) << GuestPage.Shift;
    }

    /// <summary>What CR3 holds: the address of the root table. PCID, PCD and PWT are 0.</summary>
    public ulong Cr3 { get; }

    /// <summary>How many levels there are.</summary>
    public FakePaging Paging { get; }

    /// <summary>
    /// Changes whenever a table is added: what a cache of walks was right about is then in doubt. Leaf entries change without it.
    /// </summary>
    public int Version { get; private set; }

    /// <summary>The entry that maps, or may map, a page; tables above it are made as needed.</summary>
    /// <param name="gva">Any address in the page.</param>
    /// <param name="level">1 for a page of 4 KiB, 2 for 2 MiB, 3 for 1 GiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">The address is not canonical, or the level maps no pages.</exception>
    /// <exception cref="InvalidOperationException">A page of another size is there.</exception>
    public ref ulong GetOrAddEntry(ulong gva, int level = 1)
    {
        if (level is < 1 or > LargestPage)
        {
            throw new ArgumentOutOfRangeException(nameof(level), level, "A page is mapped at level 1, 2 or 3.");
        }

        if (!PageTableEntry.IsCanonical(gva, Paging))
        {
            throw new ArgumentOutOfRangeException(nameof(gva), gva, $"The address is not canonical with {(int)Paging} levels of page tables.");
        }

        ulong[] table = Table(Cr3);
        for (int above = (int)Paging; above > level; above--)
        {
            ref ulong entry = ref table[PageTableEntry.Index(gva, above)];
            if (entry == 0)
            {
                ulong frame = _frames.AllocateTable(out table);
                entry = (frame << GuestPage.Shift) | PageTableEntry.Present | PageTableEntry.Writable | PageTableEntry.User;
                Version++;
                continue;
            }

            if (IsPage(entry, above))
            {
                throw new InvalidOperationException($"The address 0x{gva:x} lies in a page of level {above}: unmap it before you map a page of level {level} there.");
            }

            table = Table(entry);
        }

        ref ulong leaf = ref table[PageTableEntry.Index(gva, level)];
        if (leaf != 0 && !IsPage(leaf, level))
        {
            throw new InvalidOperationException($"Smaller pages are mapped around the address 0x{gva:x}: a page of level {level} does not fit there.");
        }

        return ref leaf;
    }

    /// <summary>The entry that maps an address, or says why it is not mapped at this moment.</summary>
    /// <param name="gva">The address.</param>
    /// <param name="level">Level of the entry; without one, the level where the tables end, or 0 for an address that is not
    /// canonical.</param>
    /// <returns>The entry, present or not; a null reference where there is no table for it.</returns>
    public ref ulong FindEntry(ulong gva, out int level)
    {
        level = 0;
        if (!PageTableEntry.IsCanonical(gva, Paging))
        {
            return ref Unsafe.NullRef<ulong>();
        }

        level = (int)Paging;
        for (ulong[] table = Table(Cr3); ; level--)
        {
            ref ulong entry = ref table[PageTableEntry.Index(gva, level)];
            if (level == 1 || (entry != 0 && IsPage(entry, level)))
            {
                return ref entry;
            }

            if (entry == 0)
            {
                return ref Unsafe.NullRef<ulong>();
            }

            table = Table(entry);
        }
    }

    /// <summary>The 512 entries of the page table (level 1) of the 2 MiB around an address; null if there is none.</summary>
    /// <param name="gva">The address.</param>
    public ulong[]? FindLeafTable(ulong gva)
    {
        if (!PageTableEntry.IsCanonical(gva, Paging))
        {
            return null;
        }

        ulong[] table = Table(Cr3);
        for (int level = (int)Paging; level > 1; level--)
        {
            ulong entry = table[PageTableEntry.Index(gva, level)];
            if (entry == 0 || IsPage(entry, level))
            {
                return null;
            }

            table = Table(entry);
        }

        return table;
    }

    // This kernel never takes a table out of memory: an entry that is not present, and not empty, stands for a page.
    private static bool IsPage(ulong entry, int level) =>
        level == 1 || (level <= LargestPage && ((entry & PageTableEntry.PageSize) != 0 || !PageTableEntry.IsPresent(entry)));

    private ulong[] Table(ulong entry) => _frames.FindTable(PageTableEntry.Frame(entry))
        ?? throw new InvalidOperationException("A page table of the guest does not lie in its RAM any more: the fake guest kernel is at fault, not you.");
}
