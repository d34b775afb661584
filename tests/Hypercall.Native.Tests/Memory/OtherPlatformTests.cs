using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Native.Tests.Memory;

/// <summary>What the other platforms refuse, which needs none of their calls.</summary>
public sealed class OtherPlatformTests
{
    [Fact]
    public void Windows_refuses_physical_techniques_and_says_why()
    {
        WindowsGuestMemory windows = new(NullLogger.Instance);
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
        UnsupportedGuestMemory none = new();
        Assert.False(none.TryAllocate(1, GuestBufferOptions.Default with { AllowNextBest = true }, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PlatformNotSupported, refusal.Reason);
        Assert.Contains(System.Runtime.InteropServices.RuntimeInformation.OSDescription, refusal.Message, StringComparison.Ordinal);
        Assert.False(none.TryOpenWindow(new byte[1], GuestBufferOptions.Default, out _, out _));
        Assert.False(none.TryOpenWindow(new GuestVirtualAddress(0x1000), 1, GuestBufferOptions.Default, out _, out _));
        Assert.False(none.TryQueryPages(new GuestVirtualAddress(0x1000), 1, out _, out _));
    }

    [SkippableTheory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    public void Windows_holds_memory_for_handing_over_by_virtual_address(Residency residency)
    {
        Skip.IfNot(OperatingSystem.IsWindows(), "needs Windows");
        using GuestBuffer buffer = new NativeGuestMemory().Allocate(10 << 20, residency);
        Assert.Equal(residency, buffer.Residency);
        buffer.Span.Fill(1);
        using GuestBuffer next = new NativeGuestMemory().Allocate(100, GuestBufferOptions.Default with { AllowNextBest = true });
        Assert.Equal(Residency.Locked, next.Residency);
    }

    private static void Refuses(WindowsGuestMemory windows, GuestBufferOptions options)
    {
        Assert.False(windows.TryAllocate(8192, options, out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.PlatformNotSupported, refusal.Reason);
        Assert.Contains("VirtualLock", refusal.Message, StringComparison.Ordinal);
        Assert.False(windows.TryOpenWindow(new byte[8192], options, out _, out refusal));
        Assert.Equal(GuestMemoryRefusalReason.PlatformNotSupported, refusal.Reason);
    }
}
