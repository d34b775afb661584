namespace Hypercall.Testing.Tests;

/// <summary>
/// The walker against tables made by hand: every access right, every reserved bit, the error code, and which check comes first.
/// </summary>
public sealed class PageWalkerFaultTests
{
    private const PageAccess Read = PageAccess.Read;
    private const PageAccess Write = PageAccess.Write;
    private const PageAccess Fetch = PageAccess.Fetch;
    private const PageAccess User = PageAccess.User;
    private const int Translates = -1;

    /// <summary>SDM 4.6.1 and 4.7; APM 5.6 and 8.4.2. The column of numbers is the error code, or that there is none.</summary>
    private static readonly (ulong Flip, PageAccess Access, bool Wp, int ErrorCode)[] Rights =
    [
        (1 << 1, Read, true, Translates), (1 << 1, User, true, Translates), // R/W clear
        (1 << 1, Write, true, 0b00011), (1 << 1, User | Write, true, 0b00111),
        (1 << 1, Write, false, Translates), (1 << 1, User | Write, false, 0b00111),
        (1 << 1, Fetch, true, Translates), (1 << 1, User | Fetch, true, Translates),

        (1 << 2, Read, true, Translates), (1 << 2, User, true, 0b00101), // U/S clear
        (1 << 2, Write, true, Translates), (1 << 2, User | Write, true, 0b00111),
        (1 << 2, Write, false, Translates), (1 << 2, User | Write, false, 0b00111),
        (1 << 2, Fetch, true, Translates), (1 << 2, User | Fetch, true, 0b10101),

        (1ul << 63, Read, true, Translates), (1ul << 63, User, true, Translates), // NX set
        (1ul << 63, Write, true, Translates), (1ul << 63, User | Write, true, Translates),
        (1ul << 63, Fetch, true, 0b10001), (1ul << 63, User | Fetch, true, 0b10101),
    ];

    [Theory]
    [MemberData(nameof(HandMadeTables.Entries), MemberType = typeof(HandMadeTables))]
    public void One_entry_is_enough_to_forbid_an_access(FakePaging paging, int leaf, int level) =>
        Assert.All(Rights, row =>
        {
            HandMadeTables tables = new(paging, leaf);
            tables[level] ^= row.Flip;
            PageWalk walk = tables.Walk(row.Access, row.Wp);
            Assert.Equal(row.ErrorCode == Translates, walk.IsPresent);
            Assert.Equal(row.ErrorCode == Translates ? 0ul : (ulong)row.ErrorCode, (ulong)walk.ErrorCode);
            Assert.Equal(row.ErrorCode == Translates ? 0 : level, walk.FailedLevel);
            Assert.Equal(row.Flip != 1 << 1, walk.IsWritable);
            Assert.Equal(row.Flip != 1 << 2, walk.IsUser);
            Assert.Equal(row.Flip == 1ul << 63, walk.IsNoExecute);
            Assert.True(walk.IsCanonical);
            Assert.Equal(row.ErrorCode == Translates, walk.Address.Value != 0);
        });

    /// <summary>
    /// All 64 ways to give two levels rights of their own: R/W and U/S only where both give them, NX where one does.
    /// </summary>
    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void Rights_of_two_levels_are_combined(FakePaging paging, int leaf)
    {
        for (int rights = 0; rights < 64; rights++)
        {
            HandMadeTables tables = new(paging, leaf);
            tables[leaf] = Give(tables[leaf], (rights & 1) != 0, (rights & 2) != 0, (rights & 4) != 0);
            tables[4] = Give(tables[4], (rights & 8) != 0, (rights & 16) != 0, (rights & 32) != 0);
            PageWalk walk = tables.Walk(Read);
            Assert.True(walk.IsPresent);
            Assert.Equal((rights & 0b001_001) == 0b001_001, walk.IsWritable);
            Assert.Equal((rights & 0b010_010) == 0b010_010, walk.IsUser);
            Assert.Equal((rights & 0b100_100) != 0, walk.IsNoExecute);
        }

        static ulong Give(ulong entry, bool write, bool user, bool noExecute) =>
            (entry & ~6ul) | (write ? 2ul : 0) | (user ? 4ul : 0) | (noExecute ? 1ul << 63 : 0);
    }

    [Theory]
    [MemberData(nameof(HandMadeTables.Entries), MemberType = typeof(HandMadeTables))]
    public void An_entry_that_is_not_present_gives_a_page_fault_that_says_so(FakePaging paging, int leaf, int level)
    {
        (PageAccess Access, bool Nxe, ulong ErrorCode)[] rows =
        [
            (Read, true, 0b00000), (Write, true, 0b00010), (Fetch, true, 0b10000),
            (User, true, 0b00100), (User | Write, true, 0b00110), (User | Fetch, true, 0b10100),
            (Fetch, false, 0b00000), (User | Fetch, false, 0b00100), // I/D only with EFER.NXE: SDM 4.7
        ];
        // With P clear, everything else is ignored: all reserved bits and no right at all change nothing.
        Assert.All(rows, row => Assert.All([0ul, 0xffff_ffff_ffff_fffe, 0x8000_0000_0000_0080], entry =>
        {
            HandMadeTables tables = new(paging, leaf) { [level] = entry };
            PageWalk walk = tables.Walk(row.Access, nxe: row.Nxe, physicalBits: 40, isAmd: true);
            // The hand-made pages lie above 40 bits, but only a leaf that is present can say so.
            Assert.Equal(new PageWalk { IsCanonical = true, FailedLevel = level, ErrorCode = (PageFaultErrorCode)row.ErrorCode }, walk);
        }));
    }

    /// <summary>
    /// The formats of SDM tables 4-14 to 4-20 and APM figures 5-19 to 5-34: for each the bits that are reserved, for all others
    /// none.
    /// </summary>
    [Theory]
    [InlineData("PML5E", FakePaging.FiveLevel, 1, 5, 52, false, "7")]
    [InlineData("PML5E", FakePaging.FiveLevel, 2, 5, 40, false, "7 40-51")]
    [InlineData("PML5E", FakePaging.FiveLevel, 3, 5, 52, true, "7-8")]
    [InlineData("PML4E", FakePaging.FiveLevel, 1, 4, 46, true, "7-8 46-51")]
    [InlineData("PML4E", FakePaging.FourLevel, 1, 4, 52, false, "7")]
    [InlineData("PML4E", FakePaging.FourLevel, 2, 4, 39, false, "7 39-51")]
    [InlineData("PML4E", FakePaging.FourLevel, 3, 4, 48, true, "7-8 48-51")]
    [InlineData("PDPTE of a directory", FakePaging.FourLevel, 1, 3, 52, true, "")]
    [InlineData("PDPTE of a directory", FakePaging.FourLevel, 2, 3, 36, false, "36-51")]
    [InlineData("PDPTE of 1 GiB", FakePaging.FourLevel, 3, 3, 52, false, "13-29")]
    [InlineData("PDPTE of 1 GiB", FakePaging.FiveLevel, 3, 3, 51, true, "13-29 51")]
    [InlineData("PDE of a table", FakePaging.FourLevel, 1, 2, 52, true, "")]
    [InlineData("PDE of a table", FakePaging.FiveLevel, 1, 2, 45, false, "45-51")]
    [InlineData("PDE of 2 MiB", FakePaging.FourLevel, 2, 2, 52, true, "13-20")]
    [InlineData("PDE of 2 MiB", FakePaging.FiveLevel, 2, 2, 32, false, "13-20 32-51")]
    [InlineData("PTE", FakePaging.FourLevel, 1, 1, 52, true, "")]
    [InlineData("PTE", FakePaging.FiveLevel, 1, 1, 43, false, "43-51")]
    public void A_reserved_bit_is_a_page_fault_and_no_other_bit_is(
        string format, FakePaging paging, int leaf, int level, int physicalBits, bool isAmd, string reservedBits)
    {
        Assert.NotEmpty(format);
        List<int> reserved = ParseBits(reservedBits);
        for (int bit = 1; bit < 64; bit++)
        {
            if (bit == 7 && level is 2 or 3)
            {
                continue; // PS: another format
            }

            foreach (bool nxe in new[] { true, false })
            {
                HandMadeTables tables = new(paging, leaf);
                tables[leaf] &= 0x0000_0000_ffff_ffff; // a page that 32 bits reach
                tables[level] |= 1ul << bit;
                PageWalk walk = tables.Walk(Read, nxe: nxe, physicalBits: physicalBits, isAmd: isAmd);
                bool isReserved = reserved.Contains(bit) || (bit == 63 && !nxe);
                Assert.True(isReserved == ((walk.ErrorCode & PageFaultErrorCode.Reserved) != 0), $"bit {bit} of a {format}: {walk}");
                if (isReserved)
                {
                    Assert.Equal(new PageWalk { IsCanonical = true, FailedLevel = level, ErrorCode = (PageFaultErrorCode)0b01001 }, walk);
                }
                else if (bit is < 12 or > 51)
                {
                    Assert.True(walk.IsPresent, $"bit {bit} of a {format}: {walk}");
                    Assert.Equal(tables.Walk(Write).Address, walk.Address);
                }
            }
        }
    }

    [Theory]
    [InlineData(Read, true, 0b01001)]
    [InlineData(Write, true, 0b01011)]
    [InlineData(Fetch, true, 0b11001)]
    [InlineData(User, true, 0b01101)]
    [InlineData(User | Write, true, 0b01111)]
    [InlineData(User | Fetch, true, 0b11101)]
    [InlineData(Fetch, false, 0b01001)]
    [InlineData(User | Fetch, false, 0b01101)]
    public void A_reserved_bit_implies_P_in_the_error_code(PageAccess access, bool nxe, ulong errorCode)
    {
        foreach ((FakePaging paging, int leaf, int level) in HandMadeTables.Levels)
        {
            HandMadeTables tables = new(paging, leaf);
            tables[level] |= 1ul << 51;
            tables[tables.Leaf] &= (1ul << 51) - 1 | (tables.Leaf == level ? 1ul << 51 : 0);
            Assert.Equal(errorCode, (ulong)tables.Walk(access, nxe: nxe, physicalBits: 51).ErrorCode);
        }
    }

    /// <summary>
    /// PAT is bit 7 of a PTE and bit 12 of a larger page: not PS, and not part of the address, whose own bit 12 comes through.
    /// </summary>
    [Theory]
    [InlineData(1, 7, 0x167, 0x000f_edcb_a987_689a, 0x1000)]
    [InlineData(2, 12, 0x167, 0x000f_edcb_a996_789a, 0x20_0000)]
    [InlineData(2, 12, 0x166, 0x000f_edcb_a996_689a, 0x20_0000)]
    [InlineData(3, 12, 0x167, 0x000f_edcb_b456_789a, 0x4000_0000)]
    [InlineData(3, 12, 0x166, 0x000f_edcb_b456_689a, 0x4000_0000)]
    public void PAT_is_neither_reserved_nor_part_of_the_address(int leaf, int bit, int index, ulong address, long size)
    {
        HandMadeTables tables = new(FakePaging.FiveLevel, leaf);
        tables[leaf] |= 1ul << bit;
        ulong gva = (tables.Gva & ~0x1f_f000ul) | ((uint)index << 12);
        PageWalk walk = new PageWalker(tables.Frames).Walk(tables.Cr3, tables.Paging, gva, User | Write);
        Assert.Equal((true, address, size), (walk.IsPresent, walk.Address.Value, walk.PageSize));
    }

    /// <summary>Access rights are those of a translation (SDM 4.6), and a table that is not present leaves none.</summary>
    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void A_page_that_is_not_present_below_a_read_only_entry_is_not_present(FakePaging paging, int leaf)
    {
        HandMadeTables tables = new(paging, leaf);
        tables[4] &= ~6ul;
        tables[leaf] &= ~1ul;
        PageWalk walk = tables.Walk(User | Write);
        Assert.Equal((0b00110ul, leaf), ((ulong)walk.ErrorCode, walk.FailedLevel));
    }

    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void The_first_entry_from_the_top_that_is_wrong_decides(FakePaging paging, int leaf)
    {
        HandMadeTables tables = new(paging, leaf);
        tables[4] |= 1 << 7;
        tables[leaf] = 0;
        PageWalk walk = tables.Walk(Read);
        Assert.Equal((0b01001ul, 4), ((ulong)walk.ErrorCode, walk.FailedLevel));

        tables[4] = 0x3006; // not present, and a reserved bit below
        tables[leaf] = 1ul << 63 | 1;
        walk = tables.Walk(Read, nxe: false);
        Assert.Equal((0ul, 4), ((ulong)walk.ErrorCode, walk.FailedLevel));
    }

    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void A_reserved_bit_comes_before_a_right_that_is_missing(FakePaging paging, int leaf)
    {
        HandMadeTables tables = new(paging, leaf);
        tables[4] &= ~6ul;
        tables[leaf] |= 1ul << 63;
        PageWalk walk = tables.Walk(User | Write, nxe: false);
        Assert.Equal((0b01111ul, leaf), ((ulong)walk.ErrorCode, walk.FailedLevel));
        Assert.Equal(0, walk.PageSize);
    }

    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void Of_several_entries_that_forbid_an_access_the_highest_is_named(FakePaging paging, int leaf)
    {
        HandMadeTables tables = new(paging, leaf);
        tables[leaf] &= ~4ul;
        tables[4] &= ~2ul;
        Assert.Equal(4, tables.Walk(User | Write).FailedLevel);
        Assert.Equal(leaf, tables.Walk(User).FailedLevel);
        Assert.Equal(4, tables.Walk(Write).FailedLevel);
    }

    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void What_a_forbidden_page_permits_is_told(FakePaging paging, int leaf)
    {
        HandMadeTables tables = new(paging, leaf);
        long size = tables.Walk(Read).PageSize;
        tables[leaf] ^= 1ul << 63 | 2;
        PageWalk walk = tables.Walk(User | Write);
        PageWalk expected = new()
        {
            IsCanonical = true, IsUser = true, IsNoExecute = true, PageSize = size, FailedLevel = leaf, ErrorCode = (PageFaultErrorCode)0b00111,
        };
        Assert.Equal(expected, walk);
    }

    private static List<int> ParseBits(string ranges) =>
    [
        .. from range in ranges.Split(' ', StringSplitOptions.RemoveEmptyEntries)
           let ends = range.Split('-').Select(int.Parse).ToArray()
           from bit in Enumerable.Range(ends[0], ends[^1] - ends[0] + 1)
           select bit,
    ];
}
