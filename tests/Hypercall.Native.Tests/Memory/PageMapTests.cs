using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Microsoft.Extensions.Logging.Abstractions;

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

    [Property(MaxTest = 200)]
    public Property A_range_translates_as_a_naive_reader_translates_it()
    {
        // A page map in a file: any entries, with any bits that are not ours, and after its end nothing (as above user space).
        Gen<ulong> frame = Gen.Choose(1, int.MaxValue).Select(value => (ulong)value << (value % 24));
        Gen<ulong> present = frame.Select(value => (1ul << 63) | value);
        Gen<ulong> strange = Gen.OneOf(Gen.Constant(0ul), Gen.Constant(1ul << 63), Gen.Constant(1ul << 62), frame, frame.Select(value => (1ul << 62) | value));
        Gen<(ulong[] Entries, int Offset, int Length)> cases =
            from size in Gen.Elements(1, 2, 3, 17, 511, 512, 513, 1500)
            from rare in Gen.Elements(0, 1, 100)
            from entries in Gen.Frequency((10 * size, present), (rare, strange)).ArrayOf(size)
            from notOurs in Gen.Choose(0, 127).ArrayOf(size)
            from first in Gen.Choose(0, size - 1)
            from pages in Gen.Choose(1, size - first + (rare == 100 ? 2 : 0))
            from skip in Gen.Choose(0, 4095)
            from cut in Gen.Choose(0, 4095)
            select (entries.Zip(notOurs, (entry, bits) => entry | ((ulong)bits << 55)).ToArray(), (first * 4096) + skip, Math.Max(1, (pages * 4096) - skip - cut));
        return Prop.ForAll(cases.ToArbitrary(), one =>
        {
            if (!OperatingSystem.IsLinux())
            {
                return;
            }

            string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
            File.WriteAllBytes(path, [.. new byte[8], .. MemoryMarshal.AsBytes<ulong>(one.Entries)]); // address 0 is no memory
            try
            {
                LinuxGuestMemory memory = new(NullLogger.Instance, PinningMechanism.Best, new LinuxDescriptors { PageMap = new PageMapReader(path) });
                int first = one.Offset / 4096;
                ulong[] expected = [.. Enumerable.Range(first, ((one.Offset + one.Length - 1) / 4096) - first + 1).Select(i => one.Entries.ElementAtOrDefault(i))];
                int strangeAt = Array.FindIndex(expected, entry => entry >> 63 == 0 || (entry & ((1ul << 55) - 1)) == 0);

                Assert.True(memory.TryQueryPages(new GuestVirtualAddress(4096 + (ulong)one.Offset), one.Length, out GuestPageMap? map, out _));

                Assert.Equal(expected.Select(entry => new GuestPage(entry).State), map.Pages.ToArray().Select(page => page.State));
                Assert.Equal(strangeAt < 0, map.TryGetPagedRange(out PagedRange? range, out GuestMemoryRefusal? refusal));
                if (strangeAt < 0)
                {
                    Assert.Equal(expected.Select(entry => entry & ((1ul << 55) - 1)), range!.Frames.ToArray().Select(number => number.Value));
                    Assert.Equal(range.Frames.ToArray(), map.Pages.ToArray().Select(page => page.Frame));
                    Assert.Equal((one.Offset % 4096, (long)one.Length), (range.Offset, range.Length));
                }
                else
                {
                    Assert.Equal(ReasonOf(new GuestPage(expected[strangeAt]).State), refusal!.Reason);
                    Assert.Contains($"age {strangeAt} of {expected.Length}", refusal.Message, StringComparison.Ordinal);
                    Assert.Equal(expected, map.Pages.ToArray().Select(page => page.Entry)); // what is strange is shown as the kernel gave it
                }
            }
            finally
            {
                File.Delete(path);
            }
        });
    }

    [Fact]
    public void A_translation_takes_the_memory_of_its_frames_once()
    {
        Host.NeedsFrames();
        const int Pages = 4096;
        using GuestBuffer buffer = Memory.Allocate(Pages * GuestPage.Size);
        Translate(); // compiles
        long before = GC.GetAllocatedBytesForCurrentThread();

        Translate();

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, Pages * sizeof(ulong), (Pages * sizeof(ulong)) + 1024);

        void Translate() => Assert.True(buffer.TryQueryPages(out GuestPageMap? map, out _) && map.TryGetPagedRange(out _, out _));
    }

    [Fact]
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

    [Fact]
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

    [Fact]
    public void A_page_that_was_never_mapped_is_told_apart_and_named_in_the_refusal()
    {
        Host.NeedsLinux();
        using Scratch scratch = Scratch.WithHole(3, hole: 1);
        Assert.True(PageToucher.TryTouch(PageSpan.Of(scratch.Address, 4096), scratch.Start, out _));
        GuestPageMap map = Memory.QueryPages(scratch.Address, 2 * 4096);
        Assert.Equal(GuestPageState.NotMapped, map.Pages.Span[1].State);
        Assert.SkipWhen(map.Pages.Span[0].State == GuestPageState.FrameHidden, "frames are hidden");
        Assert.False(map.TryGetPagedRange(out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.NotMapped, refusal.Reason);
        Assert.Contains("Page 1 of 2", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
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

    [Fact]
    public void The_last_page_of_user_space_can_be_asked_for()
    {
        Host.NeedsLinux();
        Assert.Equal(GuestPageState.NotMapped, Memory.QueryPages(new GuestVirtualAddress(0x7FFF_FFFF_F000), 4096).Pages.Span[0].State);
    }

    [Fact]
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

    [Fact]
    public void Without_a_page_map_scattered_memory_is_had_and_contiguous_memory_is_refused()
    {
        Host.NeedsLinux();
        LinuxDescriptors none = new() { PageMap = new PageMapReader("/proc/self/none") };
        NativeGuestMemory blind = new(new LinuxGuestMemory(NullLogger.Instance, PinningMechanism.Best, none));
        blind.Allocate(40_000, Residency.Locked).Dispose();
        Assert.False(blind.TryAllocate(
            40_000, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous }, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PageMapUnavailable, refusal.Reason);
        using GuestBuffer next = blind.Allocate(
            40_000, new GuestBufferOptions { Residency = Residency.Locked, Contiguity = Contiguity.Contiguous, AllowFallback = true });
        Assert.Equal((Residency.Locked, Contiguity.Any), (next.Residency, next.Contiguity));
    }

    private static GuestMemoryRefusalReason ReasonOf(GuestPageState state) => state switch
    {
        GuestPageState.Swapped => GuestMemoryRefusalReason.Swapped,
        GuestPageState.FrameHidden => GuestMemoryRefusalReason.FramesHidden,
        _ => GuestMemoryRefusalReason.NotMapped,
    };
}
