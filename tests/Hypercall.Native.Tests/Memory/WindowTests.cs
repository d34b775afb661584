using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Memory;

public sealed unsafe class WindowTests
{
    private static readonly NativeGuestMemory Memory = new();
    private static readonly GuestBufferOptions Touched = new() { Residency = Residency.Touched };
    private static readonly GuestBufferOptions Locked = new() { Residency = Residency.Locked };

    [Theory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    [InlineData(Residency.Pinned)]
    public void A_window_onto_an_array_starts_at_any_byte_and_leaves_the_bytes_alone(Residency residency)
    {
        Host.NeedsLinux();
        byte[] array = GC.AllocateUninitializedArray<byte>(40_000, pinned: true);
        new Random(1).NextBytes(array);
        byte[] before = [.. array];
        using (GuestBuffer window = Memory.OpenWindow(array.AsMemory(4_093, 12_345), new GuestBufferOptions { Residency = residency }))
        {
            Assert.Equal(12_345, window.Length);
            Assert.Equal(residency, window.Residency);
            fixed (byte* first = &array[4_093])
            {
                Assert.Equal((ulong)first, window.Address.Value);
            }

            Assert.True(window.Span.SequenceEqual(before.AsSpan(4_093, 12_345)));
            window.Span[0] ^= 0xFF;
            Assert.Equal(before[4_093] ^ 0xFF, array[4_093]);
            window.Span[0] ^= 0xFF;
        }

        Assert.Equal(before, array);
    }

    [Fact]
    public void A_window_pins_an_array_that_lies_on_the_moving_heap()
    {
        Host.NeedsLinux();
        byte[] array = new byte[1000];
        using GuestBuffer window = Memory.OpenWindow(array, Touched);
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        array[7] = 42;
        Assert.Equal(42, window.Span[7]);
    }

    [Fact]
    public void A_page_that_was_only_read_gets_a_frame_of_its_own()
    {
        Host.NeedsFrames();
        using Scratch scratch = new(64);
        long sum = 0;
        for (nuint page = 0; page < 64; page++)
        {
            sum += scratch.Pointer[page * GuestPage.Size];
        }

        Assert.Equal(0, sum);
        Assert.SkipUnless(
            Host.FramesOf(Memory, scratch.Address, scratch.Length).Distinct().Count() == 1,
            "This kernel gives a page that is only read a frame of its own at once; others map the shared zero page.");
        using GuestBuffer window = Memory.OpenWindow(scratch.Address, scratch.Length, Touched);
        GuestFrameNumber[] frames = Host.Frames(window);
        Assert.Equal(64, frames.Distinct().Count());
    }

    [Theory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    [InlineData(Residency.Pinned)]
    public void A_window_onto_a_private_mapping_of_a_file_leaves_the_page_cache_and_its_frames(Residency residency)
    {
        Host.NeedsFrames();
        using FileMapping shared = new(Libc.MapShared);
        using FileMapping mine = new(Libc.MapPrivate, shared.File);
        Assert.Equal(shared.Pointer[5], mine.Pointer[5]); // read: both see the page cache
        Assert.Equal(Host.FramesOf(Memory, shared.Address, FileMapping.Length), Host.FramesOf(Memory, mine.Address, FileMapping.Length));
        using GuestBuffer window = Memory.OpenWindow(mine.Address, FileMapping.Length, new GuestBufferOptions { Residency = residency });
        Assert.Empty(Host.FramesOf(Memory, shared.Address, FileMapping.Length).Intersect(Host.Frames(window)));
        Assert.True(window.Span.SequenceEqual(new ReadOnlySpan<byte>(shared.Pointer, (int)FileMapping.Length)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_only_memory_is_refused_and_the_process_lives(bool oneByOne)
    {
        Host.NeedsLinux();
        using Scratch scratch = new(4);
        Assert.Equal(0, Host.Protect(scratch.Start + GuestPage.Size, GuestPage.Size, Libc.ProtRead));
        if (oneByOne)
        {
            Assert.False(PageToucher.TryTouch(PageSpan.Of(scratch.Address, scratch.Length), scratch.Start, out PinFailure failure, oneByOne: true));
            Assert.Equal(new PinFailure(LinuxCall.AtomicOr, Errno.EINVAL), failure);
            return;
        }

        Assert.False(Memory.TryOpenWindow(scratch.Address, scratch.Length, Touched, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.NotWritable, refusal.Reason);
    }

    [Theory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    [InlineData(Residency.Pinned)]
    public void Memory_that_is_not_mapped_is_refused_and_holds_nothing(Residency residency)
    {
        Host.NeedsLinux();
        using Scratch scratch = Scratch.WithHole(4, hole: 2);
        Assert.False(Memory.TryOpenWindow(scratch.Address, scratch.Length, new GuestBufferOptions { Residency = residency }, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.NotMapped, refusal.Reason);
        Assert.False(Host.IsLocked(scratch.Start));
        Assert.False(PageToucher.TryTouch(PageSpan.Of(scratch.Address, scratch.Length), scratch.Start, out PinFailure failure, oneByOne: true));
        Assert.Equal(new PinFailure(LinuxCall.AtomicOr, Errno.ENOMEM), failure);
    }

    [Fact]
    public void Touching_one_by_one_changes_nothing_and_makes_every_page_present()
    {
        Host.NeedsFrames();
        using Scratch scratch = new(8);
        scratch.Pointer[4096] = 9;
        Assert.True(PageToucher.TryTouch(PageSpan.Of(scratch.Address + 4091, 3 * GuestPage.Size), scratch.Start + 4091, out _, oneByOne: true));
        Assert.Equal(9, scratch.Pointer[4096]);
        GuestPageState[] states = [.. Memory.QueryPages(scratch.Address, scratch.Length).Pages.ToArray().Select(page => page.State)];
        Assert.Equal(4, states.Count(state => state == GuestPageState.Present));
        Assert.Equal(GuestPageState.Present, states[0]);
        Assert.Equal(GuestPageState.NotMapped, states[4]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_page_beyond_the_end_of_its_file_is_refused_and_no_signal(bool oneByOne)
    {
        Host.NeedsLinux();
        using FileMapping shared = new(Libc.MapShared);
        shared.Truncate(0);
        Assert.False(PageToucher.TryTouch(PageSpan.Of(shared.Address, FileMapping.Length), (nuint)shared.Address.Value, out PinFailure failure, oneByOne));
        Assert.Equal(Errno.EFAULT, failure.Error);
        Assert.Equal(GuestMemoryRefusalReason.NotMapped, PageToucher.Touch(PageSpan.Of(shared.Address, FileMapping.Length), (nuint)shared.Address.Value)?.Reason);
    }

    [Fact]
    public void Touching_one_by_one_loses_no_store_of_another_thread()
    {
        Host.NeedsLinux();
        const int Rounds = 20_000;
        using Scratch scratch = new(1);
        PageSpan page = PageSpan.Of(scratch.Address, GuestPage.Size);
        Thread toucher = new(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                Assert.True(PageToucher.TryTouch(page, page.Start, out _, oneByOne: true));
            }
        });
        toucher.Start();
        unsafe
        {
            for (int i = 0; i < Rounds; i++)
            {
                _ = Interlocked.Increment(ref *(int*)page.Start);
            }

            toucher.Join();
            Assert.Equal(Rounds, *(int*)page.Start);
        }
    }

    [Fact]
    public void Ramfs_cannot_pin_memory_that_exists_and_the_refusal_says_so()
    {
        Host.NeedsLinux();
        NativeGuestMemory ramFs = new(null, PinningMechanism.RamFs);
        byte[] array = new byte[100];
        Assert.False(ramFs.TryOpenWindow(array, GuestBufferOptions.Default, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PinningUnavailable, refusal.Reason);
        Assert.Contains("ramfs", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("window", refusal.Message, StringComparison.Ordinal);

        using GuestBuffer window = ramFs.OpenWindow(array, new GuestBufferOptions { AllowFallback = true });
        Assert.Equal(Residency.Locked, window.Residency);
    }

    [Fact]
    public void A_window_keeps_the_buffer_that_it_looks_onto()
    {
        Host.NeedsLinux();
        GuestBuffer buffer = Memory.Allocate(10_000, Residency.Touched);
        GuestBuffer window = Memory.OpenWindow(buffer.AsMemory(5_000, 100), Locked);
        Assert.Throws<InvalidOperationException>(buffer.Dispose);
        window.Dispose();
        buffer.Dispose();
    }

    [Fact]
    public void A_window_onto_a_locked_buffer_does_not_unlock_it()
    {
        Host.NeedsLinux();
        using GuestBuffer buffer = Memory.Allocate(16_384, Residency.Locked);
        Memory.OpenWindow(buffer.AsMemory(4_096, 4_096), Locked).Dispose();
        for (int page = 0; page < 4; page++)
        {
            Assert.True(Host.IsLocked((nuint)(buffer.Address + (page * GuestPage.Size)).Value));
        }
    }

    [Fact]
    public void A_window_does_not_unlock_what_the_application_had_locked()
    {
        Host.NeedsLinux();
        using Scratch scratch = new(6);
        nuint third = scratch.Start + (2 * GuestPage.Size);
        Assert.Equal(0, LinuxMemory.Lock(third, GuestPage.Size));
        GuestBuffer window = Memory.OpenWindow(scratch.Address, scratch.Length, Locked);
        Assert.True(Host.IsLocked(scratch.Start));
        window.Dispose();
        Assert.False(Host.IsLocked(scratch.Start));
        Assert.True(Host.IsLocked(third));
        Assert.False(Host.IsLocked(third + GuestPage.Size));
    }

    [Theory]
    [InlineData(0x1000, 0)]
    [InlineData(0x1000, -1)]
    [InlineData(0, 4096)]
    [InlineData(0x7FFF_FFFF_FFFF, 2)]
    [InlineData(0x7FFF_FFFF_F000, 4097)]
    [InlineData(0x8000_0000_0000, 1)]
    [InlineData(0x1000, long.MaxValue)]
    [InlineData(-1, 1)]
    [InlineData(-4096, 8192)]
    public void Empty_wrapping_and_end_of_address_space_ranges_are_refused(long start, long length)
    {
        GuestVirtualAddress address = new((ulong)start);
        Assert.Throws<ArgumentOutOfRangeException>(() => Memory.TryOpenWindow(address, length, Touched, out _, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => Memory.TryQueryPages(address, length, out _, out _));
    }

    [Fact]
    public void Empty_memory_is_an_error_of_the_caller() =>
        Assert.Throws<ArgumentException>(() => Memory.TryOpenWindow(Memory<byte>.Empty, Touched, out _, out _));

    [Fact]
    public void A_shared_mapping_of_a_file_cannot_be_pinned_and_the_refusal_says_why()
    {
        Host.NeedsIoUring();
        using FileMapping shared = new(Libc.MapShared);
        bool open = Memory.TryOpenWindow(shared.Address, FileMapping.Length, GuestBufferOptions.Default, out GuestBuffer? window, out GuestMemoryRefusal? refusal);
        window?.Dispose();
        Assert.SkipWhen(open, "this file system lets its pages be pinned");
        Assert.Equal(GuestMemoryRefusalReason.PinningUnavailable, refusal!.Reason);
        Assert.Contains("shared mapping", refusal.Message, StringComparison.Ordinal);
    }

    [Property(MaxTest = 40)]
    public Property Windows_that_share_pages_unlock_a_page_only_with_the_last_one()
    {
        // Each window is a byte range of 16 pages; they are opened in order, and closed in another.
        Gen<(int Start, int Length, int Order)> one =
            from start in Gen.Choose(0, (16 * 4096) - 1)
            from length in Gen.Choose(1, (16 * 4096) - start)
            from order in Gen.Choose(0, 1000)
            select (start, length, order);
        return Prop.ForAll(one.NonEmptyListOf().ToArbitrary(), windows =>
        {
            if (!OperatingSystem.IsLinux())
            {
                return;
            }

            using Scratch scratch = new(16);
            int[] counts = new int[16];
            List<(int Order, int First, int Last, GuestBuffer Window)> open = [];
            foreach ((int start, int length, int order) in windows.Take(8))
            {
                int first = start / 4096;
                int last = (start + length - 1) / 4096;
                open.Add((order, first, last, Memory.OpenWindow(scratch.Address + start, length, Locked)));
                Count(counts, first, last, 1);
            }

            AssertLocked(scratch, counts);

            foreach ((_, int first, int last, GuestBuffer window) in open.OrderBy(entry => entry.Order))
            {
                window.Dispose();
                Count(counts, first, last, -1);
                AssertLocked(scratch, counts);
            }
        });
    }

    private static void Count(int[] counts, int first, int last, int by)
    {
        for (int page = first; page <= last; page++)
        {
            counts[page] += by;
        }
    }

    private static void AssertLocked(Scratch scratch, int[] counts)
    {
        bool[] locked = Host.LockedPages(scratch.Start, counts.Length);
        Assert.Equal(counts.Select(count => count > 0), locked);
    }
}
