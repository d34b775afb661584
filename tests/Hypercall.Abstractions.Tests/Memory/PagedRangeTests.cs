using FsCheck;
using FsCheck.Xunit;

namespace Hypercall.Tests.Memory;

public class PagedRangeTests
{
    [Theory]
    [InlineData(0, 4096, 1)]
    [InlineData(1, 4096, 2)]
    [InlineData(4095, 1, 1)]
    [InlineData(4095, 2, 2)]
    public void A_range_has_exactly_the_frames_it_touches(int offset, long length, int frames)
    {
        _ = new PagedRange(offset, length, Frames(frames));
        _ = Assert.Throws<ArgumentException>(() => new PagedRange(offset, length, Frames(frames - 1)));
        _ = Assert.Throws<ArgumentException>(() => new PagedRange(offset, length, Frames(frames + 1)));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(4096, 1)]
    [InlineData(0, 0)]
    [InlineData(0, -1)]
    public void Nonsense_is_refused(int offset, long length) =>
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => new PagedRange(offset, length, Frames(1)));

    [Property]
    public void The_contiguous_length_ends_where_the_frames_break(PositiveInt run, PositiveInt rest, ushort offset, ushort tail)
    {
        int first = Math.Min(run.Get, 20);
        int second = Math.Min(rest.Get, 20);
        GuestFrameNumber[] frames =
        [
            .. Enumerable.Range(0, first).Select(i => new GuestFrameNumber(100 + (ulong)i)),
            .. Enumerable.Range(0, second).Select(i => new GuestFrameNumber(500 + (ulong)i)),
        ];
        int start = offset % 4096;
        long length = ((first + second - 1) * 4096L) - start + 1 + (tail % 4096);
        PagedRange range = new(start, length, frames);
        Assert.Equal((first * 4096L) - start, range.ContiguousLength);
        Assert.False(range.IsContiguous);
        Assert.Equal((100ul << 12) + (ulong)start, range.Start.Value);
    }

    [Property]
    public void Adjacent_frames_are_contiguous(PositiveInt count, ushort offset)
    {
        int frames = Math.Min(count.Get, 64);
        int start = offset % 4096;
        PagedRange range = new(start, (frames * 4096L) - start, Frames(frames));
        Assert.True(range.IsContiguous);
    }

    [Fact]
    public void A_page_map_with_a_page_that_is_not_present_gives_no_range_and_says_which()
    {
        GuestPage[] pages = [GuestPage.InFrame(new GuestFrameNumber(7)), GuestPage.SwappedOut];
        GuestPageMap map = new(new GuestVirtualAddress(0x7f0000000ff0), 100, pages);
        Assert.False(map.TryGetPagedRange(out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.Swapped, refusal.Reason);
        Assert.Contains("Page 1 of 2", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GuestPageState.FrameHidden, GuestMemoryRefusalReason.FramesHidden, "CAP_SYS_ADMIN")]
    [InlineData(GuestPageState.NotMapped, GuestMemoryRefusalReason.NotMapped, "not mapped")]
    public void Each_way_of_not_being_there_has_its_reason(GuestPageState state, GuestMemoryRefusalReason reason, string advice)
    {
        GuestPage page = state == GuestPageState.FrameHidden ? GuestPage.Hidden : default;
        Assert.False(new GuestPageMap(new GuestVirtualAddress(0x1000), 1, new[] { page }).TryGetPagedRange(out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(reason, refusal.Reason);
        Assert.Contains(advice, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1, 1, "offset")]
    [InlineData(101, 1, "offset")]
    [InlineData(0, 0, "length")]
    [InlineData(0, 101, "length")]
    [InlineData(100, 1, "length")]
    [InlineData(60, 41, "length")]
    public void A_part_outside_the_range_is_refused(long offset, long length, string parameter) =>
        Assert.Equal(parameter, Assert.Throws<ArgumentOutOfRangeException>(() => new PagedRange(4090, 100, Frames(2)).Slice(offset, length)).ParamName);

    [Fact]
    public void A_part_may_end_where_the_range_ends()
    {
        PagedRange part = new PagedRange(4090, 100, Frames(2)).Slice(60, 40);
        Assert.Equal((54, 40L, 0x10_0001ul), (part.Offset, part.Length, part.Frames.Span[0].Value));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_page_map_is_of_some_bytes(long length) =>
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => new GuestPageMap(new GuestVirtualAddress(0), length, new GuestPage[1])).ParamName);

    [Fact]
    public void A_page_map_that_was_given_frames_has_pages_and_a_range_of_the_same_memory()
    {
        GuestFrameNumber[] frames = Frames(2);
        GuestPageMap map = new(new GuestVirtualAddress(0x7f0000000ff0), 100, frames);

        Assert.True(map.TryGetPagedRange(out PagedRange? range, out _));

        Assert.Equal((0xff0, 100L), (range.Offset, range.Length));
        Assert.True(range.Frames.Equals(new ReadOnlyMemory<GuestFrameNumber>(frames)), "They were copied.");
        Assert.Equal(frames.Select(GuestPage.InFrame), map.Pages.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void A_page_map_is_given_as_many_frames_as_it_touches_pages(int count) =>
        Assert.Equal("frames", Assert.Throws<ArgumentException>(() => new GuestPageMap(new GuestVirtualAddress(0xff0), 100, Frames(count))).ParamName);

    private static GuestFrameNumber[] Frames(int count) =>
        [.. Enumerable.Range(0, Math.Max(0, count)).Select(i => new GuestFrameNumber(0x10_0000 + (ulong)i))];
}
