using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Hypercall.Native.Tests.Memory;

public sealed class PageMapTests
{
    private static readonly NativeGuestMemory Memory = new();

    [Property(MaxTest = 200)]
    public Property A_range_translates_to_the_pages_that_it_touches_and_no_others()
    {
        // Pages of a scratch area are written to or not, at random; a range of any offset and length must tell which.
        const int Pages = 1030;
        Gen<(int Offset, int Length, int Seed)> ranges =
            from pages in Gen.Elements(1, 2, 3, 510, 511, 512, 1022, 1023, 1024)
            from first in Gen.Choose(0, Pages - pages)
            from skip in Gen.Choose(0, 4095)
            from cut in Gen.Choose(0, 4095)
            from seed in Gen.Choose(0, 1000)
            select ((first * 4096) + skip, Math.Max(1, (pages * 4096) - skip - cut), seed);
        return Prop.ForAll(ranges.ToArbitrary(), range =>
        {
            if (!OperatingSystem.IsLinux())
            {
                return;
            }

            using Scratch scratch = new(Pages);
            Random random = new(range.Seed);
            bool[] written = new bool[Pages];
            for (int page = 0; page < Pages; page++)
            {
                if (random.Next(2) == 0)
                {
                    written[page] = true;
                    unsafe
                    {
                        scratch.Pointer[page * 4096] = 1;
                    }
                }
            }

            GuestPageMap map = Memory.QueryPages(scratch.Address + range.Offset, range.Length);
            int firstPage = range.Offset / 4096;
            int lastPage = (range.Offset + range.Length - 1) / 4096;
            Assert.Equal(lastPage - firstPage + 1, map.Pages.Length);
            Assert.Equal(
                written[firstPage..(lastPage + 1)], map.Pages.ToArray().Select(page => page.State is GuestPageState.Present or GuestPageState.FrameHidden));
        });
    }

    [SkippableFact]
    public void The_frame_of_a_page_is_the_same_whichever_byte_was_asked_for()
    {
        Host.NeedsFrames();
        using GuestBuffer buffer = Memory.Allocate(16 * 4096);
        GuestFrameNumber[] whole = Host.Frames(buffer);
        for (int offset = 0; offset < 16 * 4096; offset += 1111)
        {
            Assert.Equal(whole[offset >> 12], Host.FramesOf(Memory, buffer.Address + offset, 1)[0]);
        }
    }

    [SkippableFact]
    public void Two_mappings_of_one_page_lie_in_one_frame()
    {
        Host.NeedsFrames();
        Host.NeedsRamFs();
        using GuestBuffer buffer = new NativeGuestMemory(null, PinningMechanism.RamFs).Allocate(8192);
        nuint alias = Host.MapAgain(buffer.Address, 8192);
        unsafe
        {
            _ = Volatile.Read(ref *(byte*)alias);
            _ = Volatile.Read(ref *(byte*)(alias + 4096));
        }

        Assert.Equal(Host.Frames(buffer), Host.FramesOf(Memory, new GuestVirtualAddress(alias), 8192));
        LinuxMemory.Unmap(alias, 8192);
    }

    [SkippableFact]
    public void A_page_that_was_never_mapped_is_told_apart_and_named_in_the_refusal()
    {
        Host.NeedsLinux();
        using Scratch scratch = Scratch.WithHole(3, hole: 1);
        Assert.Equal(0, PageToucher.TryTouch(PageSpan.Of(scratch.Address, 4096), scratch.Start));
        GuestPageMap map = Memory.QueryPages(scratch.Address, 2 * 4096);
        Assert.Equal(GuestPageState.NotMapped, map.Pages.Span[1].State);
        Skip.If(map.Pages.Span[0].State == GuestPageState.FrameHidden, "frames are hidden");
        Assert.False(map.TryGetPagedRange(out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.NotMapped, refusal.Reason);
        Assert.Contains("Page 1 of 2", refusal.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void A_range_of_more_pages_than_an_answer_holds_is_refused_and_not_an_overflow()
    {
        Host.NeedsLinux();
        foreach (long length in new[] { ((long)PageMapReader.MostPages + 1) * GuestPage.Size, 100L << 40 })
        {
            Assert.False(new NativeGuestMemory().TryQueryPages(new GuestVirtualAddress(GuestPage.Size), length, out _, out GuestMemoryRefusal? refusal));
            Assert.Equal(GuestMemoryRefusalReason.OutOfMemory, refusal.Reason);
            Assert.Contains("Ask for parts", refusal.Message, StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public void The_last_page_of_user_space_can_be_asked_for()
    {
        Host.NeedsLinux();
        Assert.Equal(GuestPageState.NotMapped, Memory.QueryPages(new GuestVirtualAddress(0x7FFF_FFFF_F000), 4096).Pages.Span[0].State);
    }

    [SkippableFact]
    public void A_page_map_that_is_not_there_is_a_refusal_of_its_own_and_asked_for_again()
    {
        Host.NeedsLinux();
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        PageMapReader reader = new(path);
        GuestPage[] pages = new GuestPage[1];
        GuestMemoryRefusal? refusal = reader.TryRead(new GuestVirtualAddress(0x1000), pages);
        Assert.Equal(GuestMemoryRefusalReason.PageMapUnavailable, refusal?.Reason);
        Assert.Contains(path, refusal!.Message, StringComparison.Ordinal);
        Assert.Contains("CONFIG_PROC_PAGE_MONITOR", refusal.Message, StringComparison.Ordinal);

        File.WriteAllBytes(path, [.. new byte[8], .. BitConverter.GetBytes(0xA180_0000_0000_1234)]);
        try
        {
            Assert.Null(reader.TryRead(new GuestVirtualAddress(0x1000), pages));
            Assert.Equal(new GuestFrameNumber(0x1234), pages[0].Frame); // bits 55 to 62 are not the frame's
        }
        finally
        {
            File.Delete(path);
        }
    }

    [SkippableFact]
    public void Without_a_page_map_scattered_memory_is_had_and_contiguous_memory_is_refused()
    {
        Host.NeedsLinux();
        NativeGuestMemory blind = new(new LinuxGuestMemory(Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, PinningMechanism.Best, new PageMapReader("/proc/self/none")));
        blind.Allocate(40_000, Residency.Locked).Dispose();
        Assert.False(blind.TryAllocate(
            40_000, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous }, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PageMapUnavailable, refusal.Reason);
        using GuestBuffer next = blind.Allocate(
            40_000, new GuestBufferOptions { Residency = Residency.Locked, Contiguity = Contiguity.Contiguous, AllowFallback = true });
        Assert.Equal((Residency.Locked, Contiguity.Any), (next.Residency, next.Contiguity));
    }
}
