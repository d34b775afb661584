using System.Runtime.CompilerServices;

namespace Hypercall.Testing.Tests;

public sealed class PageTablesTests
{
    private const ulong Gva = 0x7f12_3456_789a;
    private const ulong TwoMib = 0x20_0000;
    private const ulong OneGib = 0x4000_0000;

    public static TheoryData<FakePaging> Pagings => [FakePaging.FourLevel, FakePaging.FiveLevel];

    [Theory]
    [MemberData(nameof(Pagings))]
    public void New_tables_are_one_empty_table_in_the_frame_of_CR3(FakePaging paging)
    {
        TestFrames frames = new();
        PageTables tables = new(frames, paging);
        Assert.Equal(paging, tables.Paging);
        Assert.Equal(frames.Tables.Keys.Single() << 12, tables.Cr3);
        Assert.All(frames.Tables.Values.Single(), entry => Assert.Equal(0ul, entry));
        Assert.True(Unsafe.IsNullRef(ref tables.FindEntry(Gva, out int level)));
        Assert.Equal((int)paging, level);
        Assert.Null(tables.FindLeafTable(Gva));
    }

    [Theory]
    [InlineData(FakePaging.FourLevel, 1, 3)]
    [InlineData(FakePaging.FourLevel, 2, 2)]
    [InlineData(FakePaging.FourLevel, 3, 1)]
    [InlineData(FakePaging.FiveLevel, 1, 4)]
    [InlineData(FakePaging.FiveLevel, 2, 3)]
    [InlineData(FakePaging.FiveLevel, 3, 2)]
    public void Tables_above_a_page_are_made_once_present_writable_and_for_users(FakePaging paging, int level, int made)
    {
        TestFrames frames = new();
        PageTables tables = new(frames, paging);
        int version = tables.Version;
        ref ulong entry = ref tables.GetOrAddEntry(Gva, level);
        Assert.Equal(0ul, entry);
        Assert.Equal(1 + made, frames.Tables.Count);
        Assert.NotEqual(version, tables.Version);

        // Follow the tables by hand: each has one entry, 7 in its low bits, in the place that the address says.
        ulong at = tables.Cr3;
        int[] indices = [-1, 0x167, 0x1a2, 0x48, 0xfe, 0];
        for (int above = (int)paging; above > level; above--)
        {
            ulong[] table = frames.Tables[at >> 12];
            Assert.Equal(indices[above], Array.FindIndex(table, other => other != 0));
            at = table[indices[above]];
            Assert.Equal(7ul, at & 0xfff0_0000_0000_0fff);
            at &= ~0xffful;
        }

        version = tables.Version;
        Assert.True(Unsafe.AreSame(ref entry, ref frames.Tables[at >> 12][indices[level]]));
        Assert.True(Unsafe.AreSame(ref entry, ref tables.GetOrAddEntry(Gva, level)));
        Assert.Equal(1 + made, frames.Tables.Count);
        Assert.Equal(version, tables.Version);
    }

    [Theory]
    [MemberData(nameof(Pagings))]
    public void An_entry_is_found_again_at_its_level_present_or_not(FakePaging paging)
    {
        PageTables tables = new(new TestFrames(), paging);
        ref ulong small = ref tables.GetOrAddEntry(Gva);
        Assert.True(Unsafe.AreSame(ref small, ref tables.FindEntry(Gva + 0x700, out int level)));
        Assert.Equal(1, level);

        for (int size = 2; size <= 3; size++)
        {
            ulong gva = Gva + (OneGib * (ulong)size);
            ref ulong large = ref tables.GetOrAddEntry(gva, size);
            Assert.True(Unsafe.IsNullRef(ref tables.FindEntry(gva, out level)));
            Assert.Equal(size, level);
            foreach (ulong entry in new[] { 0x8000_0087, PageTableEntry.Dropped(0x8000_0087), PageTableEntry.Swapped(5), PageTableEntry.Dropped(0x8000_0081) })
            {
                large = entry;
                Assert.True(Unsafe.AreSame(ref large, ref tables.FindEntry(gva, out level)));
                Assert.Equal(size, level);
                Assert.Null(tables.FindLeafTable(gva));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Pagings))]
    public void The_page_table_of_two_mebibytes_is_found_and_holds_their_entries(FakePaging paging)
    {
        PageTables tables = new(new TestFrames(), paging);
        ref ulong entry = ref tables.GetOrAddEntry(Gva);
        ulong[]? table = tables.FindLeafTable(Gva & ~(TwoMib - 1));
        Assert.NotNull(table);
        Assert.True(Unsafe.AreSame(ref entry, ref table[0x167]));
        Assert.Same(table, tables.FindLeafTable(Gva | (TwoMib - 1)));
        Assert.Null(tables.FindLeafTable(Gva + TwoMib));
        Assert.Null(tables.FindLeafTable(Gva - TwoMib));
    }

    [Theory]
    [MemberData(nameof(Pagings))]
    public void A_page_of_another_size_in_the_way_is_refused(FakePaging paging)
    {
        TestFrames frames = new();
        PageTables tables = new(frames, paging);
        tables.GetOrAddEntry(Gva, 2) = 0x20_0087;
        Assert.Contains("lies in a page of level 2", Refuses(Gva, 1).Message, StringComparison.Ordinal);
        Assert.Contains("Smaller pages are mapped", Refuses(Gva, 3).Message, StringComparison.Ordinal);
        tables.GetOrAddEntry(Gva, 2) = PageTableEntry.Dropped(0x20_0087);
        Refuses(Gva, 1);
        tables.GetOrAddEntry(Gva + OneGib, 3) = 0x4000_0087;
        Refuses(Gva + OneGib, 1);
        Refuses(Gva + OneGib, 2);
        tables.GetOrAddEntry(Gva + (2 * OneGib), 1) = 0x1007;
        Refuses(Gva + (2 * OneGib), 2);
        Refuses(Gva + (2 * OneGib), 3);

        InvalidOperationException Refuses(ulong gva, int level)
        {
            (int count, int version) = (frames.Tables.Count, tables.Version);
            InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => tables.GetOrAddEntry(gva, level));
            Assert.Equal((count, version), (frames.Tables.Count, tables.Version));
            return refused;
        }
    }

    [Fact]
    public void An_address_that_is_not_canonical_has_no_entry()
    {
        PageTables four = new(new TestFrames(), FakePaging.FourLevel);
        Assert.Throws<ArgumentOutOfRangeException>("gva", () => four.GetOrAddEntry(0x8000_0000_0000));
        Assert.True(Unsafe.IsNullRef(ref four.FindEntry(0x8000_0000_0000, out int level)));
        Assert.Equal(0, level);
        four.GetOrAddEntry(0xffff_8000_0000_0000) = 0x1007;
        Assert.Null(four.FindLeafTable(0x8000_0000_0000));

        PageTables five = new(new TestFrames(), FakePaging.FiveLevel);
        Assert.Equal(0ul, five.GetOrAddEntry(0x8000_0000_0000));
        Assert.Throws<ArgumentOutOfRangeException>("gva", () => five.GetOrAddEntry(0x100_0000_0000_0000));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void A_level_that_maps_no_pages_is_refused(int level) =>
        Assert.Throws<ArgumentOutOfRangeException>(nameof(level), () => new PageTables(new TestFrames(), FakePaging.FiveLevel).GetOrAddEntry(Gva, level));
}
