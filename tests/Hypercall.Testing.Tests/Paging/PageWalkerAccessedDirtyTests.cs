namespace Hypercall.Testing.Tests;

/// <summary>A and D (bits 5 and 6) on tables made by hand: Intel SDM vol. 3A, section 4.8; AMD APM vol. 2, section 5.4.</summary>
public sealed class PageWalkerAccessedDirtyTests
{
    private const ulong A = 0x20;
    private const ulong D = 0x40;

    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void A_is_set_in_every_entry_used_and_D_in_the_last_one_on_a_write(FakePaging paging, int leaf) =>
        Assert.All(HandMadeTables.Accesses, access =>
        {
            HandMadeTables tables = new(paging, leaf);
            Dictionary<ulong, ulong[]> before = tables.Frames.Copy();
            Assert.True(tables.Walk(access).IsPresent);

            ulong last = (access & PageAccess.Write) != 0 ? A | D : A;
            List<(ulong, int, ulong)> expected = [];
            int[] indices = [-1, 0x167, 0x1a2, 0x48, 0xfe, 0xab];
            for (int level = leaf; level <= tables.Root; level++)
            {
                expected.Add(((ulong)level, indices[level], level == leaf ? last : A));
            }

            Assert.Equal(expected, tables.Frames.Differences(before));
        });

    [Theory]
    [MemberData(nameof(HandMadeTables.Entries), MemberType = typeof(HandMadeTables))]
    public void One_entry_without_A_gets_it_though_all_others_have_it(FakePaging paging, int leaf, int level)
    {
        HandMadeTables tables = new(paging, leaf);
        Assert.True(tables.Walk(PageAccess.Write).IsPresent);
        Dictionary<ulong, ulong[]> before = tables.Frames.Copy();
        tables[level] &= ~A;
        Assert.True(tables.Walk(PageAccess.Read).IsPresent);
        Assert.Empty(tables.Frames.Differences(before));
    }

    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void D_comes_with_the_first_write_after_reads_and_stays(FakePaging paging, int leaf)
    {
        HandMadeTables tables = new(paging, leaf);
        ulong entry = tables[leaf];
        tables.Walk(PageAccess.Read);
        Assert.Equal(entry | A, tables[leaf]);
        tables.Walk(PageAccess.Write);
        Assert.Equal(entry | A | D, tables[leaf]);
        tables.Walk(PageAccess.Read);
        Assert.Equal(entry | A | D, tables[leaf]);
    }

    [Theory]
    [MemberData(nameof(HandMadeTables.Shapes), MemberType = typeof(HandMadeTables))]
    public void A_VMM_may_walk_without_leaving_a_mark(FakePaging paging, int leaf) =>
        Assert.All(HandMadeTables.Accesses, access =>
        {
            HandMadeTables tables = new(paging, leaf);
            Dictionary<ulong, ulong[]> before = tables.Frames.Copy();
            PageWalk walk = tables.Walk(access, mark: false);
            Assert.Empty(tables.Frames.Differences(before));
            Assert.Equal(tables.Walk(access), walk);
        });

    /// <summary>
    /// The manuals forbid D, and A in an entry that is not present; that A stays clear above is this machine's choice.
    /// </summary>
    [Theory]
    [MemberData(nameof(HandMadeTables.Entries), MemberType = typeof(HandMadeTables))]
    public void A_walk_that_faults_leaves_every_entry_as_it_was(FakePaging paging, int leaf, int level)
    {
        Assert.All([0ul, 1ul, 3ul, 5ul, 7ul | (1ul << 63)], rights =>
        {
            HandMadeTables tables = new(paging, leaf);
            tables[level] = (tables[level] & ~7ul) | rights;
            Dictionary<ulong, ulong[]> before = tables.Frames.Copy();
            Assert.All(HandMadeTables.Accesses, access =>
            {
                if (!tables.Walk(access, mark: false).IsPresent)
                {
                    Assert.False(tables.Walk(access).IsPresent);
                    Assert.Empty(tables.Frames.Differences(before));
                }
            });
        });
        HandMadeTables reserved = new(paging, leaf);
        reserved[level] |= 1ul << 63;
        Dictionary<ulong, ulong[]> old = reserved.Frames.Copy();
        Assert.False(reserved.Walk(PageAccess.Write, nxe: false).IsPresent);
        Assert.Empty(reserved.Frames.Differences(old));
    }
}
