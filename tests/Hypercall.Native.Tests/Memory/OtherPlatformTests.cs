using System.Buffers;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Native.Tests.Memory;

/// <summary>What the other platforms refuse, which needs none of their calls.</summary>
public sealed class OtherPlatformTests
{
    [Fact]
    public void Windows_refuses_physical_techniques_and_says_why()
    {
        NativeGuestMemory windows = new(new WindowsGuestMemory(NullLogger.Instance));
        Refuses(windows, GuestBufferOptions.Default);
        Refuses(windows, new GuestBufferOptions { Residency = Residency.Locked, Contiguity = Contiguity.Contiguous });
        Assert.False(windows.TryQueryPages(new GuestVirtualAddress(0x1000), 1, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PlatformNotSupported, refusal.Reason);
        Assert.Throws<PlatformNotSupportedException>(() => windows.QueryPages(new GuestVirtualAddress(0x1000), 1));
        Assert.Throws<PlatformNotSupportedException>(() => windows.Allocate(100));
    }

    [Fact]
    public void Any_other_platform_refuses_everything_and_names_itself()
    {
        NativeGuestMemory none = new(new UnsupportedGuestMemory());
        Assert.False(none.TryAllocate(1, new GuestBufferOptions { AllowFallback = true }, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PlatformNotSupported, refusal.Reason);
        Assert.Contains(System.Runtime.InteropServices.RuntimeInformation.OSDescription, refusal.Message, StringComparison.Ordinal);
        Assert.False(none.TryOpenWindow(new byte[1], GuestBufferOptions.Default, out _, out _));
        Assert.False(none.TryOpenWindow(new GuestVirtualAddress(0x1000), 1, GuestBufferOptions.Default, out _, out _));
        Assert.False(none.TryQueryPages(new GuestVirtualAddress(0x1000), 1, out _, out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_window_that_is_refused_pins_nothing_for_the_garbage_collector(bool onWindows)
    {
        NativeGuestMemory memory = new(onWindows ? new WindowsGuestMemory(NullLogger.Instance) : new UnsupportedGuestMemory());
        CountingManager manager = new();
        Assert.False(memory.TryOpenWindow(manager.Memory, GuestBufferOptions.Default, out _, out _));
        Assert.Equal((1, 0), (manager.Pinned, manager.Held));
    }

    [Theory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    public void Windows_holds_memory_for_handing_over_by_virtual_address(Residency residency)
    {
        Assert.SkipUnless(OperatingSystem.IsWindows(), "needs Windows");
        using GuestBuffer buffer = new NativeGuestMemory().Allocate(10 << 20, residency);
        Assert.Equal(residency, buffer.Residency);
        buffer.Span.Fill(1);
        using GuestBuffer next = new NativeGuestMemory().Allocate(100, new GuestBufferOptions { AllowFallback = true });
        Assert.Equal(Residency.Locked, next.Residency);
    }

    private static void Refuses(NativeGuestMemory windows, GuestBufferOptions options)
    {
        Assert.False(windows.TryAllocate(8192, options, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PlatformNotSupported, refusal.Reason);
        Assert.Contains("VirtualLock", refusal.Message, StringComparison.Ordinal);
        Assert.False(windows.TryOpenWindow(new byte[8192], options, out _, out refusal));
        Assert.Equal(GuestMemoryRefusalReason.PlatformNotSupported, refusal.Reason);
    }

    private sealed class CountingManager : MemoryManager<byte>
    {
        private readonly byte[] _bytes = GC.AllocateArray<byte>(1, pinned: true);

        public int Pinned { get; private set; }

        public int Held { get; private set; }

        public override Span<byte> GetSpan() => _bytes;

        public override unsafe MemoryHandle Pin(int elementIndex = 0)
        {
            Pinned++;
            Held++;
            return new MemoryHandle(Unsafe.AsPointer(ref _bytes[elementIndex]), default, this);
        }

        public override void Unpin() => Held--;

        protected override void Dispose(bool disposing)
        {
        }
    }
}
