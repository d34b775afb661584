namespace Hypercall.Testing.Tests;

public sealed class FakeAddressSpaceTests
{
    private const ulong First = 0x7_f000_0000; // the page of the first address
    private const int MiB = 1 << 20;

    private readonly FakeAddressSpace _space = new(FakePaging.FourLevel);

    [Fact]
    public void A_mapping_is_found_at_each_of_its_pages_and_at_no_other()
    {
        FakeMapping one = Add(2 * GuestPage.Size);
        FakeMapping two = Add(GuestPage.Size);
        Assert.Equal([null, one, one, null, two, null], Enumerable.Range(-1, 6).Select(i => _space.Find(First + (ulong)i)));
    }

    [Fact]
    public void What_was_mapped_is_told_from_what_never_was()
    {
        FakeMapping small = Add(GuestPage.Size);
        FakeMapping large = Add(2 * MiB); // the pages before it are nobody's
        Assert.Equal(First + 512, large.FirstPage);
        Assert.Empty(Gone());

        large.Unmap();
        Assert.Equal([.. Enumerable.Range(512, 513)], Gone()); // with the page of nobody behind it
        small.Unmap();
        Assert.Equal([0, 1, .. Enumerable.Range(512, 513)], Gone());

        int[] Gone() => [.. Enumerable.Range(-2, 1100).Where(i => _space.WasMapped(First + (ulong)i))];
    }

    [Fact]
    public void Large_mappings_start_where_a_large_page_does()
    {
        Assert.Equal(First, Add((2 * MiB) - GuestPage.Size).FirstPage);
        Assert.Equal(First + 512, Add(2 * MiB).FirstPage);
        Assert.Equal(First + 1025, Add(1).FirstPage);
        Assert.Equal(First + (512 * 512), _space.Reserve(1L << 30, 0, FakeMappingKind.Process, 1)!.FirstPage);
    }

    [Fact]
    public void The_last_mapping_ends_one_page_before_the_address_space_does()
    {
        const long Pages = 1L << 28; // from the first address to the end of the lower half
        Assert.Null(_space.Reserve(Pages << GuestPage.Shift, 0, FakeMappingKind.Process, 1));
        FakeMapping? whole = _space.Reserve((Pages - 1) << GuestPage.Shift, 0, FakeMappingKind.Process, 1);
        Assert.Equal(First, whole?.FirstPage);
        Assert.Null(_space.Reserve(1, 0, FakeMappingKind.Process, 1));
        Assert.Equal((1ul << 47, 1ul << 56), (_space.AddressLimit, new FakeAddressSpace(FakePaging.FiveLevel).AddressLimit));
    }

    [Fact]
    public void An_offset_in_the_first_page_counts()
    {
        FakeMapping mapping = _space.Reserve(GuestPage.Size, 8, FakeMappingKind.Process, 7)!;
        Assert.Equal(((First << GuestPage.Shift) + 8, 2, 7), (mapping.Start.Value, mapping.PageCount, mapping.Buffer));
        Assert.Equal(First + 3, _space.Reserve(1, 0, FakeMappingKind.Process, 1)!.FirstPage);
    }

    [Fact]
    public void Whatever_is_unmapped_the_others_are_found()
    {
        List<FakeMapping> live = [];
        for (int i = 0; i < 300; i++)
        {
            live.Add(Add(GuestPage.Size));
            if (i % 3 != 0)
            {
                FakeMapping gone = live[i * 7 % live.Count];
                gone.Unmap();
                _space.Remove();
                _ = live.Remove(gone);
                Assert.Null(_space.Find(gone.FirstPage));
            }

            Assert.All(live, mapping => Assert.Same(mapping, _space.Find(mapping.FirstPage)));
        }
    }

    private FakeMapping Add(int length)
    {
        FakeMapping mapping = _space.Reserve(length, 0, FakeMappingKind.Process, 1)!;
        _space.Add(mapping, new byte[length]);
        return mapping;
    }
}
