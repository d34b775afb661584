namespace Hypercall.Testing.Tests;

public sealed class FakeMappingTests
{
    [Fact]
    public void Of_all_that_hold_a_page_the_strongest_counts()
    {
        FakeMapping mapping = new(new GuestVirtualAddress(0x1000), 4 * GuestPage.Size, FakeMappingKind.Process, 1);
        mapping.Holds.AddRange([new(1, 2, Residency.Pinned), new(2, 2, Residency.Locked)]);
        Residency[] expected = [Residency.Touched, Residency.Pinned, Residency.Pinned, Residency.Locked];
        Assert.Equal(expected, Enumerable.Range(0, 4).Select(mapping.ResidencyOf));
    }

    [Fact]
    public void Bytes_are_copied_across_what_lies_before_and_behind_them()
    {
        FakeMapping mapping = new(new GuestVirtualAddress(0x1FF8), 4 + GuestPage.Size, FakeMappingKind.Process, 1);
        byte[] own = [.. Enumerable.Repeat((byte)1, 4 + GuestPage.Size)];
        mapping.Map(own);
        Assert.Equal((1ul, 2), (mapping.FirstPage, mapping.PageCount));

        mapping.CopyFrom(0, GuestPage.Size - 10, [2, 3, 4, 5]);
        mapping.CopyFrom(1, GuestPage.Size - 5, [6, 7, 8]);

        Assert.Equal([2, 3, 4, 5, 1, 1, 1, 1, 1, 1], Read(0, GuestPage.Size - 10, 10));
        Assert.Equal([4, 5, 1], own[..3]);
        Assert.Equal([1, 6, 7, 8, 0], Read(1, GuestPage.Size - 6, 5));
        Assert.Equal([1, 6], own[^2..]);

        byte[] Read(int page, int offset, int length)
        {
            byte[] bytes = new byte[length];
            mapping.CopyTo(page, offset, bytes);
            return bytes;
        }
    }
}
