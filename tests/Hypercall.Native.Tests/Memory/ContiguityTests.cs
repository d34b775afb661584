using System.Globalization;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Memory;

[Collection(WholeMachine.Name)]
public sealed class ContiguityTests
{
    private static readonly NativeGuestMemory Memory = new();

    [Fact]
    public void A_page_that_stays_referred_to_does_not_keep_the_kernel_collapsing_for_ever()
    {
        Host.NeedsIoUring();
        LinuxAllocation? allocation = LinuxAllocation.TryMap(2 << 20, LinuxMapping.TransparentHugePages, LinuxDescriptors.Process.RamFs, out _);
        Assert.NotNull(allocation);
        PinSlot[]? pins = null;
        try
        {
            nuint start = (nuint)allocation.Address.Value;
            _ = LinuxMemory.Advise(start, 2 << 20, Libc.AdviseNoHugePage);
            Assert.Null(allocation.Touch());
            pins = LinuxDescriptors.Process.Pins.TryPin(new PageSpan(start, start + GuestPage.Size), out _);
            Assert.NotNull(pins);
            _ = LinuxMemory.Advise(start, 2 << 20, Libc.AdviseHugePage);

            Thread collapse = new(allocation.Collapse) { IsBackground = true };
            collapse.Start();

            Assert.True(collapse.Join(LastResort.Bound), $"MADV_COLLAPSE was still tried again after {LastResort.Bound}.");
        }
        finally
        {
            PinTable.Unpin(pins);
            allocation.Discard();
        }
    }

    [Theory]
    [InlineData(Residency.Touched, 4097)]
    [InlineData(Residency.Locked, 100_000)]
    [InlineData(Residency.Pinned, 2 << 20)]
    public void Contiguous_memory_lies_in_one_extent(Residency residency, long length)
    {
        Host.NeedsFrames();
        bool done = Memory.TryAllocate(
            length, new GuestBufferOptions { Residency = residency, Contiguity = Contiguity.Contiguous }, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal);
        Assert.SkipWhen(!done && refusal!.Reason == GuestMemoryRefusalReason.NotContiguous, refusal?.Message ?? "");
        using (buffer)
        {
            Assert.Equal(Contiguity.Contiguous, buffer!.Contiguity);
            Assert.Equal(residency, buffer.Residency);
            PhysicalExtent extent = Assert.Single(Range(buffer).GetExtents());
            Assert.Equal(length, extent.Length);
            Assert.Equal(-1, buffer.Span.IndexOfAnyExcept((byte)0));
            Assert.Equal(residency == Residency.Locked, Host.IsLocked((nuint)buffer.Address.Value));
            Assert.Contains("dc", Host.VmFlags(buffer.Address));
        }
    }

    [Fact]
    public void A_huge_page_of_the_pool_is_taken_first_and_given_back()
    {
        Host.NeedsFrames();
        using ReservedHugePages reserved = ReservedHugePages.Take(2);
        long free = Free();
        foreach (Residency residency in Enum.GetValues<Residency>())
        {
            using GuestBuffer buffer = Memory.Allocate(10_000, residency, Contiguity.Contiguous);
            Assert.Contains("ht", Host.VmFlags(buffer.Address)); // VM_HUGETLB
            Assert.Equal(free - 1, Free());
            Assert.True(Range(buffer).IsContiguous);
        }

        Host.Until(() => Free() == free, "the huge page came back to the pool");

        static long Free() => long.Parse(
            File.ReadLines("/proc/meminfo").First(line => line.StartsWith("HugePages_Free:", StringComparison.Ordinal)).Split(':')[1], CultureInfo.InvariantCulture);
    }

    [Fact]
    public void What_no_machine_has_in_one_piece_is_refused_with_the_longest_run_and_the_remedy()
    {
        Host.NeedsFrames();
        const long Length = 96 << 20; // the buddy allocator hands out 4 MiB at most
        bool done = Memory.TryAllocate(
            Length, new GuestBufferOptions { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous }, out GuestBuffer? buffer, out GuestMemoryRefusal? refusal);
        if (done)
        {
            using (buffer)
            {
                Assert.True(Range(buffer!).IsContiguous); // luck, and the claim holds
                return;
            }
        }

        Assert.Equal(GuestMemoryRefusalReason.NotContiguous, refusal!.Reason);
        Assert.Equal(Length, refusal.Needed);
        Assert.InRange(refusal.Limit!.Value, 4096, Length - 1);
        Assert.Contains("hugepages", refusal.Message, StringComparison.Ordinal);
        using GuestBuffer next = Memory.Allocate(
            Length, new GuestBufferOptions { Residency = Residency.Locked, Contiguity = Contiguity.Contiguous, AllowFallback = true });
        Assert.Equal(Contiguity.Any, next.Contiguity);
        Assert.Equal(Residency.Locked, next.Residency);
    }

    [Fact]
    public void A_window_onto_scattered_memory_is_refused_saying_where_it_breaks()
    {
        Host.NeedsFrames();
        using GuestBuffer buffer = Memory.Allocate(1 << 20, Residency.Touched);
        PagedRange range = Range(buffer);
        Assert.SkipWhen(range.IsContiguous, "the scattered buffer happened to be contiguous");
        GuestBufferOptions contiguous = new() { Residency = Residency.Touched, Contiguity = Contiguity.Contiguous };
        Assert.False(Memory.TryOpenWindow(buffer.Memory, contiguous, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.NotContiguous, refusal.Reason);
        Assert.Equal(range.ContiguousLength, refusal.Limit);
        using GuestBuffer first = Memory.OpenWindow(buffer.AsMemory(10, 4000), contiguous);
        Assert.Equal(Contiguity.Contiguous, first.Contiguity);
    }

    private static PagedRange Range(GuestBuffer buffer)
    {
        Assert.True(buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal), refusal?.Message);
        Assert.True(map.TryGetPagedRange(out PagedRange? range, out refusal), refusal?.Message);
        return range;
    }
}
