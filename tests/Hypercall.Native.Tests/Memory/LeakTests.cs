using System.Buffers;
using System.Runtime.CompilerServices;

namespace Hypercall.Native.Tests.Memory;

[Collection(WholeMachine.Name)]
public sealed class LeakTests(ITestOutputHelper output)
{
    private const int Buffers = 100_000;

    [Theory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    [InlineData(Residency.Pinned)]
    [InlineData(Residency.Pinned, true)]
    public void A_hundred_thousand_buffers_leave_nothing_behind(Residency residency, bool ramFs = false)
    {
        Host.NeedsLinux();
        if (ramFs)
        {
            Host.NeedsRamFs();
        }

        NativeGuestMemory memory = new(null, ramFs ? PinningMechanism.RamFs : PinningMechanism.Best);
        memory.Allocate(1, residency).Dispose(); // opens the ring, which stays
        (long locked, long pinned, int rings, int maps) = (Host.SettledLockedBytes(), LinuxProcess.PinnedBytes, LinuxDescriptors.Process.Pins.Rings, Maps());
        long started = Environment.TickCount64;
        for (int i = 0; i < Buffers; i++)
        {
            using GuestBuffer buffer = memory.Allocate(1 + (i % 9000), residency);
            buffer.Span[^1] = 1;
        }

        output.WriteLine($"{Buffers} {residency}{(ramFs ? " (ramfs)" : "")} buffers in {Environment.TickCount64 - started} ms");
        Host.Until(
            () => LinuxProcess.LockedBytes <= locked && LinuxProcess.PinnedBytes <= pinned,
            $"VmLck is back to {locked} and VmPin to {pinned} (now {LinuxProcess.LockedBytes} and {LinuxProcess.PinnedBytes})");
        Assert.Equal(rings, LinuxDescriptors.Process.Pins.Rings);
        Assert.InRange(Maps(), 0, maps + 64); // the runtime maps a few of its own
    }

    [Fact]
    public void Buffers_that_nobody_disposed_are_freed_by_the_finalizer()
    {
        Host.NeedsLinux();
        (long locked, long pinned) = (Host.SettledLockedBytes(), LinuxProcess.PinnedBytes);
        Abandon();
        Assert.True(LinuxProcess.LockedBytes > locked);
        Host.Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return LinuxProcess.LockedBytes <= locked && LinuxProcess.PinnedBytes <= pinned;
            },
            "finalizers freed what nobody disposed");

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Abandon()
        {
            NativeGuestMemory memory = new();
            for (int i = 0; i < 100; i++)
            {
                _ = memory.Allocate(8192, Residency.Locked);
                _ = memory.Allocate(8192, Residency.Pinned);
            }
        }
    }

    [Fact]
    public void An_abandoned_window_onto_memory_that_cannot_be_unpinned_does_not_end_the_process()
    {
        Host.NeedsLinux();
        int unpinned = 0;
        Abandon(() => unpinned++);
        Host.Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return Volatile.Read(ref unpinned) == 1;
            },
            "the finalizer unpinned the memory");

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Abandon(Action unpins) => _ = new NativeGuestMemory().OpenWindow(new Stubborn(unpins).Memory, new GuestBufferOptions { Residency = Residency.Touched });
    }

    [Fact]
    public void A_window_abandoned_together_with_its_buffer_does_not_make_it_leak()
    {
        Host.NeedsLinux();
        RecordingLogger logger = new();
        long locked = Host.SettledLockedBytes();
        Abandon(logger);
        Assert.True(LinuxProcess.LockedBytes >= locked + (50 * 8192));
        Host.Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return LinuxProcess.LockedBytes <= locked;
            },
            "buffers and windows were freed");
        Assert.Equal(0, logger.Count);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Abandon(RecordingLogger logger)
        {
            NativeGuestMemory memory = new(logger, PinningMechanism.Best);
            for (int i = 0; i < 50; i++)
            {
                GuestBuffer buffer = memory.Allocate(8192, Residency.Locked);
                _ = memory.OpenWindow(buffer.Memory, new GuestBufferOptions { Residency = Residency.Locked });
            }
        }
    }

    [Fact]
    public void A_finalizer_that_finds_a_lease_leaves_the_memory_where_it_is_and_says_so()
    {
        Host.NeedsLinux();
        RecordingLogger logger = new();
        GuestVirtualAddress address = Abandon(logger);
        Host.Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return logger.Count == 1;
            },
            "the finalizer logged the leak");
        Assert.Contains("12345 bytes", logger.Last, StringComparison.Ordinal);
        Assert.Equal(GuestPageState.Present, Known(new NativeGuestMemory().QueryPages(address, 1).Pages.Span[0].State));
        unsafe
        {
            Assert.Equal(77, *(byte*)address.Value);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static GuestVirtualAddress Abandon(RecordingLogger logger)
        {
            GuestBuffer buffer = new NativeGuestMemory(logger, PinningMechanism.Best).Allocate(12_345, new GuestBufferOptions { AllowFallback = true });
            buffer.Span[0] = 77;
            _ = buffer.Lease("a ring of the VMM", acceptMemoryCorruptionIfPagesMove: true);
            return buffer.Address;
        }

        static GuestPageState Known(GuestPageState state) => state == GuestPageState.FrameHidden ? GuestPageState.Present : state;
    }

    [Fact]
    public void Pins_beyond_one_ring_take_another_and_slots_are_used_again()
    {
        Host.NeedsIoUring();
        Host.NeedsToPin(2L * PinRing.Slots * GuestPage.Size);
        using Scratch scratch = new(1);
        Assert.True(PageToucher.TryTouch(PageSpan.Of(scratch.Address, 1), scratch.Start, out _));
        PinTable table = new();
        List<PinSlot[]> pins = [];
        long pinned = LinuxProcess.PinnedBytes;
        for (int i = 0; i < PinRing.Slots + 1; i++)
        {
            pins.Add(table.TryPin(PageSpan.Of(scratch.Address, 1), out PinFailure failure) ?? throw new InvalidOperationException(failure.ToString()));
        }

        Assert.Equal(2, table.Rings);
        foreach (PinSlot[] pin in pins)
        {
            PinTable.Unpin(pin);
        }

        Host.Until(() => LinuxProcess.PinnedBytes == pinned, "every pin was given back");
        PinTable.Unpin(table.TryPin(PageSpan.Of(scratch.Address, 1), out _));
        Assert.Equal(2, table.Rings);
    }

    [Fact]
    public void A_buffer_of_more_than_a_gibibyte_takes_two_slots_and_pins_every_page()
    {
        Host.NeedsIoUring();
        Host.NeedsToPin(2L << 30);
        Assert.SkipWhen(LinuxProcess.AvailableBytes < 4L << 30, "needs 4 GiB of free memory");
        const long Length = (1L << 30) + (64 << 10);
        long pinned = LinuxProcess.PinnedBytes;
        GuestBuffer buffer = new NativeGuestMemory(null, PinningMechanism.IoUring).Allocate(Length);
        Assert.Equal(pinned + Length, LinuxProcess.PinnedBytes);
        buffer.Dispose();
        Host.Until(() => LinuxProcess.PinnedBytes == pinned, "every page was unpinned");
    }

    private static int Maps() => File.ReadLines("/proc/self/maps").Count();

    /// <summary>Memory of a program, whose owner is gone when its window is finalized.</summary>
    private sealed class Stubborn(Action unpins) : MemoryManager<byte>
    {
        private readonly byte[] _bytes = GC.AllocateArray<byte>(4096, pinned: true);

        public override Span<byte> GetSpan() => _bytes;

        public override unsafe MemoryHandle Pin(int elementIndex = 0) => new(Unsafe.AsPointer(ref _bytes[elementIndex]), default, this);

        public override void Unpin()
        {
            unpins();
            throw new ObjectDisposedException(nameof(Stubborn));
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
