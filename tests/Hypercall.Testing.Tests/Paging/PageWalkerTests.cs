namespace Hypercall.Testing.Tests;

/// <summary>
/// The walker against tables made by hand from Intel SDM vol. 3A, chapter 4, and AMD APM vol. 2, chapter 5: what it translates
/// to.
/// </summary>
public sealed class PageWalkerTests
{
    [Theory]
    [InlineData(FakePaging.FourLevel, 1, 0x000f_edcb_a987_689a, 0x1000)]
    [InlineData(FakePaging.FourLevel, 2, 0x000f_edcb_a996_789a, 0x20_0000)]      // page 0x..a980_0000 + bits 20 to 0, 0x16_789a
    [InlineData(FakePaging.FourLevel, 3, 0x000f_edcb_b456_789a, 0x4000_0000)]    // page 0x..8000_0000 + bits 29 to 0, 0x3456_789a
    [InlineData(FakePaging.FiveLevel, 1, 0x000f_edcb_a987_689a, 0x1000)]
    [InlineData(FakePaging.FiveLevel, 2, 0x000f_edcb_a996_789a, 0x20_0000)]
    [InlineData(FakePaging.FiveLevel, 3, 0x000f_edcb_b456_789a, 0x4000_0000)]
    public void An_address_is_translated_to_the_byte_of_its_page(FakePaging paging, int leaf, ulong address, long size)
    {
        HandMadeTables tables = new(paging, leaf);
        PageWalk expected = new()
        {
            IsCanonical = true, IsPresent = true, Address = new GuestPhysicalAddress(address), PageSize = size, IsWritable = true, IsUser = true,
        };
        Assert.All(HandMadeTables.Accesses, access => Assert.Equal(expected, tables.Walk(access)));
    }

    [Theory]
    [InlineData(1, 0x1000, 0x000f_edcb_a987_6000, 0x000f_edcb_a987_6fff)]
    [InlineData(2, 0x20_0000, 0x000f_edcb_a980_0000, 0x000f_edcb_a99f_ffff)]
    [InlineData(3, 0x4000_0000, 0x000f_edcb_8000_0000, 0x000f_edcb_bfff_ffff)]
    public void A_page_reaches_from_its_first_byte_to_its_last_and_no_further(int leaf, ulong size, ulong first, ulong last)
    {
        HandMadeTables tables = new(FakePaging.FourLevel, leaf);
        PageWalker walker = new(tables.Frames);
        ulong start = 0x7f12_3456_789a & ~(size - 1);
        Assert.Equal(first, Walk(start).Address.Value);
        Assert.Equal(last, Walk(start + size - 1).Address.Value);
        Assert.False(Walk(start - 1).IsPresent);
        Assert.False(Walk(start + size).IsPresent);

        PageWalk Walk(ulong gva) => walker.Walk(tables.Cr3, tables.Paging, gva, PageAccess.Read);
    }

    [Theory]
    [InlineData(FakePaging.FourLevel, 0x0000_0000_0000_0000, 0, true)]
    [InlineData(FakePaging.FourLevel, 0x0000_7fff_ffff_ffff, 255, true)]
    [InlineData(FakePaging.FourLevel, 0xffff_8000_0000_0000, 256, true)]
    [InlineData(FakePaging.FourLevel, 0xffff_ffff_ffff_ffff, 511, true)]
    [InlineData(FakePaging.FourLevel, 0x0000_8000_0000_0000, 256, false)]
    [InlineData(FakePaging.FourLevel, 0xffff_7fff_ffff_ffff, 255, false)]
    [InlineData(FakePaging.FourLevel, 0x0001_0000_0000_0000, 0, false)]
    [InlineData(FakePaging.FourLevel, 0x8000_0000_0000_0000, 0, false)]
    [InlineData(FakePaging.FourLevel, 0x7fff_ffff_ffff_ffff, 511, false)]
    [InlineData(FakePaging.FiveLevel, 0x0000_8000_0000_0000, 0, true)]
    [InlineData(FakePaging.FiveLevel, 0x00ff_ffff_ffff_ffff, 255, true)]
    [InlineData(FakePaging.FiveLevel, 0xff00_0000_0000_0000, 256, true)]
    [InlineData(FakePaging.FiveLevel, 0xffff_ffff_ffff_ffff, 511, true)]
    [InlineData(FakePaging.FiveLevel, 0x0100_0000_0000_0000, 256, false)]
    [InlineData(FakePaging.FiveLevel, 0xfeff_ffff_ffff_ffff, 255, false)]
    [InlineData(FakePaging.FiveLevel, 0x8000_0000_0000_0000, 0, false)]
    public void An_address_that_is_not_canonical_is_no_page_fault(FakePaging paging, ulong gva, int index, bool isCanonical)
    {
        // Every table is the root itself, at the top index and at 0, 256 and 511: whatever the walk reads is present.
        TestFrames frames = new();
        ulong[] root = frames.Add(9);
        root[index] = root[0] = root[256] = root[511] = 0x9007;
        PageWalk walk = new PageWalker(frames).Walk(0x9000, paging, gva, PageAccess.Read);
        Assert.Equal(isCanonical, walk.IsCanonical);
        Assert.Equal(isCanonical, walk.IsPresent);
        Assert.Equal(PageFaultErrorCode.None, walk.ErrorCode);
        if (!isCanonical)
        {
            Assert.Equal(default, walk);
            Assert.Equal("not canonical: #GP(0)", walk.ToString());
        }
    }

    /// <summary>
    /// Without CR4.PCIDE bits 3 and 4 of CR3 are PWT and PCD, with it bits 0 to 11 are the PCID: SDM tables 4-12 and 4-13.
    /// </summary>
    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void The_low_bits_of_CR3_are_no_part_of_the_address(FakePaging paging, int leaf)
    {
        HandMadeTables tables = new(paging, leaf);
        PageWalk walk = new PageWalker(tables.Frames).Walk(tables.Cr3 | 0xfff, paging, tables.Gva, PageAccess.Read);
        Assert.Equal(tables.Walk(PageAccess.Read), walk);
        Assert.True(walk.IsPresent);
    }

    [Theory]
    [MemberData(nameof(HandMadeTables.Entries), MemberType = typeof(HandMadeTables))]
    public void A_table_in_a_hole_is_no_translation_and_no_page_fault(FakePaging paging, int leaf, int level)
    {
        HandMadeTables tables = new(paging, leaf);
        ulong cr3 = tables.Cr3;
        if (level == tables.Root)
        {
            cr3 = 0xdead_f000;
        }
        else
        {
            tables[level + 1] = 0xdead_f007;
        }

        PageWalk walk = new PageWalker(tables.Frames).Walk(cr3, paging, tables.Gva, PageAccess.Write | PageAccess.User);
        Assert.Equal(new PageWalk { IsCanonical = true, IsTableMissing = true, FailedLevel = level }, walk);
        Assert.Equal($"the table of level {level} is not in RAM", walk.ToString());
    }

    [Fact]
    public void A_walk_tells_its_outcome_without_the_physical_address()
    {
        HandMadeTables tables = new(FakePaging.FourLevel, 2);
        tables[4] |= 1ul << 63;
        Assert.Equal("page of 2097152 bytes, writable, user, no-execute", tables.Walk(PageAccess.Read).ToString());
        tables[3] = 0;
        Assert.Equal("#PF at level 3, error code 0x6 (Write, User)", tables.Walk(PageAccess.Write | PageAccess.User).ToString());
    }

    [Fact]
    public void What_no_CPU_does_is_refused()
    {
        PageWalker walker = new(new TestFrames());
        Assert.Throws<ArgumentOutOfRangeException>("access", () => walker.Walk(0, FakePaging.FourLevel, 0, PageAccess.Fetch | PageAccess.Write));
        Assert.Throws<ArgumentOutOfRangeException>("paging", () => walker.Walk(0, (FakePaging)3, 0, PageAccess.Read));
        Assert.Throws<ArgumentOutOfRangeException>("paging", () => walker.Walk(0, (FakePaging)6, 0, PageAccess.Read));
        Assert.Throws<ArgumentOutOfRangeException>("physicalBits", () => new PageWalker(new TestFrames(), 53));
        Assert.Throws<ArgumentOutOfRangeException>("physicalBits", () => new PageWalker(new TestFrames(), 31));
    }

    [Fact]
    public void A_walk_tells_the_rights_that_it_found_and_no_others()
    {
        PageWalk page = new() { IsCanonical = true, IsPresent = true, PageSize = 4096 };
        Assert.Equal("page of 4096 bytes", page.ToString());
        Assert.Equal("page of 4096 bytes, writable", (page with { IsWritable = true }).ToString());
        Assert.Equal("page of 4096 bytes, user", (page with { IsUser = true }).ToString());
        Assert.Equal("page of 4096 bytes, no-execute", (page with { IsNoExecute = true }).ToString());
    }
}
