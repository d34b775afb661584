namespace Hypercall.Testing;

/// <summary>
/// An entry of a page table in long mode: what its bits mean to the CPU, and what the fake guest kernel keeps in those of an
/// entry that is not present, which the CPU ignores (Intel SDM vol. 3A, table 4-20; AMD APM vol. 2, section 5.4.1).
/// </summary>
/// <remarks>
/// Present. Intel SDM vol. 3A, section 4.5, tables 4-14 to 4-20; AMD APM vol. 2, section 5.3. M is the number of physical address
/// bits.
/// <code>
///             63  62..52  51..M  M-1 ........... 12    11..9   8    7    6   5   4    3    2    1   0
/// PML5E      [NX][  -  ][ resv ][ table ............][  -  ][-/r][ 0 ][ - ][A][PCD][PWT][U/S][R/W][1]    -/r: reserved on AMD
/// PML4E      [NX][  -  ][ resv ][ table ............][  -  ][-/r][ 0 ][ - ][A][PCD][PWT][U/S][R/W][1]
/// PDPTE      [NX][  -  ][ resv ][ table ............][  -  ][ - ][ 0 ][ - ][A][PCD][PWT][U/S][R/W][1]
/// PDPTE 1 GB [NX][  -  ][ resv ][ page ][29..13 0][PAT][  -  ][ G ][ 1 ][ D ][A][PCD][PWT][U/S][R/W][1]
/// PDE        [NX][  -  ][ resv ][ table ............][  -  ][ - ][ 0 ][ - ][A][PCD][PWT][U/S][R/W][1]
/// PDE 2 MB   [NX][  -  ][ resv ][ page ][20..13 0][PAT][  -  ][ G ][ 1 ][ D ][A][PCD][PWT][U/S][R/W][1]
/// PTE        [NX][  -  ][ resv ][ page .............][  -  ][ G ][PAT][ D ][A][PCD][PWT][U/S][R/W][1]
/// </code>
/// Not present. Bits 61 and 60 say why; nothing else uses them, so that a present entry keeps all its bits through a migration.
/// <code>
///                 63 62  61 60  59 ............................... 1   0
/// nothing here   [              0                                   ][0]
/// swapped out    [ 0 ][ 0  1 ][ 0 ][ slot in bits 51..12 ][    0    ][0]
/// migrating      [ . ][ 1  0 ][ the entry of the frame that it goes to ][0]
/// dropped        [ . ][ 1  1 ][ the entry as it was                    ][0]
/// </code>
/// </remarks>
internal static class PageTableEntry
{
    public const ulong Present = 1ul << 0;
    public const ulong Writable = 1ul << 1;
    public const ulong User = 1ul << 2;
    public const ulong Accessed = 1ul << 5;
    public const ulong Dirty = 1ul << 6;

    /// <summary>PS: a PDE or PDPTE that maps a page. In a PTE the bit is PAT, higher up it is reserved.</summary>
    public const ulong PageSize = 1ul << 7;

    public const ulong Global = 1ul << 8;

    public const ulong NoExecute = 1ul << 63;

    /// <summary>Address of a table or a 4 KiB page: bits 51 to 12.</summary>
    public const ulong FrameMask = ((1ul << 52) - 1) & ~((1ul << 12) - 1);

    private const ulong KindMask = 3ul << 60;
    private const ulong SwappedKind = 1ul << 60;
    private const ulong MigratingKind = 2ul << 60;
    private const ulong DroppedKind = 3ul << 60;
    private const int SlotBits = 40;

    /// <summary>How many bytes one entry of a level stands for, as a power of two: 12, 21, 30, 39, 48.</summary>
    public static int Shift(int level) => 3 + (9 * level);

    /// <summary>Index of the entry that translates an address, in the table of a level: 0 to 511.</summary>
    public static int Index(ulong gva, int level) => (int)(gva >> Shift(level)) & 511;

    /// <summary>Whether all bits from the highest translated one upwards are equal: 63 to 47, or 63 to 56.</summary>
    public static bool IsCanonical(ulong gva, FakePaging paging)
    {
        int unused = 64 - Shift((int)paging + 1);
        return (ulong)((long)(gva << unused) >> unused) == gva;
    }

    public static bool IsPresent(ulong entry) => (entry & Present) != 0;

    /// <summary>The frame of a table or a 4 KiB page.</summary>
    public static ulong Frame(ulong entry) => (entry & FrameMask) >> GuestPage.Shift;

    /// <summary>A page that was swapped out.</summary>
    /// <param name="slot">Where to: 0 to 2^40 - 1.</param>
    public static ulong Swapped(ulong slot) => slot >> SlotBits == 0
        ? SwappedKind | (slot << GuestPage.Shift)
        : throw new ArgumentOutOfRangeException(nameof(slot), slot, "A swap slot has at most 40 bits.");

    /// <summary>A page on its way to another frame.</summary>
    /// <param name="entry">The present entry that it will have there.</param>
    public static ulong Migrating(ulong entry) => Hide(entry, MigratingKind);

    /// <summary>A page whose mapping was taken away until it is touched again.</summary>
    /// <param name="entry">The present entry.</param>
    public static ulong Dropped(ulong entry) => Hide(entry, DroppedKind);

    public static bool IsSwapped(ulong entry) => Kind(entry) == SwappedKind;

    public static bool IsMigrating(ulong entry) => Kind(entry) == MigratingKind;

    public static bool IsDropped(ulong entry) => Kind(entry) == DroppedKind;

    /// <summary>The slot of a page that <see cref="IsSwapped"/>.</summary>
    public static ulong Slot(ulong entry) => IsSwapped(entry)
        ? Frame(entry)
        : throw new ArgumentException("The page is not swapped out: it has no slot.", nameof(entry));

    /// <summary>The present entry that a migrating or dropped page had.</summary>
    public static ulong Restore(ulong entry) => IsMigrating(entry) || IsDropped(entry)
        ? (entry & ~KindMask) | Present
        : throw new ArgumentException("Only an entry that migrates or was dropped holds the one that it had.", nameof(entry));

    private static ulong Kind(ulong entry) => IsPresent(entry) ? 0 : entry & KindMask;

    private static ulong Hide(ulong entry, ulong kind) => (entry & (Present | KindMask)) == Present
        ? (entry & ~Present) | kind
        : throw new ArgumentException("Only a present entry can be hidden, one that leaves bits 61 and 60 alone.", nameof(entry));
}
