using System.Runtime.InteropServices;

namespace Hypercall.Native.Tests.Memory;

public sealed class AllocationTests
{
    private static readonly NativeGuestMemory Memory = new();

    [Theory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    [InlineData(Residency.Pinned)]
    public void A_buffer_is_zeroed_page_aligned_present_and_writable(Residency residency)
    {
        Host.NeedsLinux();
        foreach (long length in new long[] { 1, 4095, 4096, 4097, 12_345, 1 << 20 })
        {
            using GuestBuffer buffer = Memory.Allocate(length, residency);
            Assert.Equal(residency, buffer.Residency);
            Assert.Equal(length, buffer.Length);
            Assert.Equal(0, buffer.Address.PageOffset);
            Assert.Equal(-1, buffer.Span.IndexOfAnyExcept((byte)0));
            buffer.Span.Fill(0xA5);
            Assert.True(buffer.TryQueryPages(out GuestPageMap? map, out _));
            Assert.All(map.Pages.ToArray(), page => Assert.True(page.State is GuestPageState.Present or GuestPageState.FrameHidden));
        }
    }

    [Fact]
    public void Every_page_of_a_buffer_lies_in_a_frame_of_its_own()
    {
        Host.NeedsFrames();
        using GuestBuffer buffer = Memory.Allocate(8 << 20, Residency.Touched);
        GuestFrameNumber[] frames = Host.Frames(buffer);
        Assert.Equal(2048, frames.Distinct().Count());
    }

    [Fact]
    public void Slices_reach_past_two_gibibytes_and_a_span_does_not()
    {
        Host.NeedsLinux();
        Assert.SkipWhen(LinuxProcess.AvailableBytes < 6L << 30, "needs 6 GiB of free memory");
        const long Length = (2L << 30) + 8192;
        using GuestBuffer buffer = Memory.Allocate(Length, Residency.Touched);
        buffer.AsMemory(Length - 1, 1).Span[0] = 7;
        buffer.AsMemory(4096, int.MaxValue).Span[^1] = 9;
        Assert.Equal(7, buffer.AsMemory(Length - 3, 3).Span[2]);
        Assert.Throws<InvalidOperationException>(() => buffer.Span.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsMemory(Length - 1, 2));
    }

    [Fact]
    public void Memory_taken_before_dispose_refuses_to_show_its_bytes_afterwards()
    {
        Host.NeedsLinux();
        GuestBuffer buffer = Memory.Allocate(100, Residency.Touched);
        Memory<byte> taken = buffer.Memory;
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => taken.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => taken.Pin());
        Assert.Throws<ObjectDisposedException>(() => buffer.Memory);
        Assert.Throws<ObjectDisposedException>(buffer.Touch);
        Assert.Throws<ObjectDisposedException>(() => buffer.TryQueryPages(out _, out _));
        buffer.Dispose();
    }

    [Fact]
    public void A_memory_handle_is_a_lease_because_somebody_holds_a_pointer()
    {
        Host.NeedsLinux();
        GuestBuffer buffer = Memory.Allocate(100, Residency.Touched);
        System.Buffers.MemoryHandle handle = buffer.Memory.Pin();
        Assert.True(buffer.IsLeased);
        Assert.Contains("MemoryHandle", Assert.Throws<InvalidOperationException>(buffer.Dispose).Message, StringComparison.Ordinal);
        handle.Dispose();
        buffer.Dispose();
    }

    [Fact]
    public void A_buffer_is_kept_out_of_core_dumps_and_of_forked_children()
    {
        Host.NeedsLinux();
        foreach (Residency residency in Enum.GetValues<Residency>())
        {
            using GuestBuffer buffer = Memory.Allocate(64 << 10, residency);
            string[] flags = Host.VmFlags(buffer.Address);
            Assert.Contains("dd", flags); // VM_DONTDUMP, proc_pid_smaps(5)
            Assert.Contains("dc", flags); // VM_DONTCOPY
            Assert.Equal(residency == Residency.Locked, flags.Contains("lo"));
        }
    }

    [Fact]
    public void More_memory_than_there_is_is_refused_with_both_numbers()
    {
        Host.NeedsLinux();
        foreach (long length in new[] { 1L << 40, 1L << 47, long.MaxValue })
        {
            Assert.False(Memory.TryAllocate(length, GuestBufferOptions.Default, out _, out GuestMemoryRefusal? refusal));
            Assert.Equal(GuestMemoryRefusalReason.OutOfMemory, refusal.Reason);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void A_buffer_of_no_bytes_is_an_error_of_the_caller(long length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Memory.TryAllocate(length, GuestBufferOptions.Default, out _, out _));

    [Fact]
    public unsafe void Dispose_zeroes_what_the_frame_held()
    {
        // A private window would be unmapped with the memory: only a mapping that somebody else shares shows what was left
        // behind.
        Host.NeedsRamFs();
        NativeGuestMemory ramFs = new(null, PinningMechanism.RamFs);
        GuestBuffer buffer = ramFs.Allocate(8192);
        buffer.Span.Fill(0xCC);
        nuint alias = Host.MapAgain(buffer.Address, 8192);
        try
        {
            Assert.Equal(0xCC, ((byte*)alias)[8191]);
            buffer.Dispose();
            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)alias, 8192).IndexOfAnyExcept((byte)0));
        }
        finally
        {
            LinuxMemory.Unmap(alias, 8192);
        }
    }

    [Fact]
    public void Frames_read_from_the_page_map_do_not_change_while_nothing_happens()
    {
        Host.NeedsFrames();
        using GuestBuffer buffer = Memory.Allocate(1 << 20);
        Assert.Equal(Host.Frames(buffer), Host.Frames(buffer));
        Assert.Equal(256, Host.Frames(buffer).Length);
    }

    [Fact]
    public void Layout_of_a_page_is_that_of_a_page_map_entry() => Assert.Equal(8, Marshal.SizeOf<GuestPage>());
}
