using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Native.MemoryProbe;

/// <summary>
/// What a plug-in does with its own copy of the library, in a context of its own. The host knows it by reflection only.
/// </summary>
[SuppressMessage("Performance", "CA1812", Justification = "Called by name.")]
internal static class Plugin
{
    private static readonly NativeGuestMemory Memory = new();
    private static readonly List<GuestBuffer> Held = [];

    /// <summary>Opens a window that locks its pages, and keeps it.</summary>
    public static void Lock(ulong address, long length) =>
        Held.Add(Memory.OpenWindow(new GuestVirtualAddress(address), length, new GuestBufferOptions { Residency = Residency.Locked }));

    /// <summary>Closes all that is kept.</summary>
    public static void Close()
    {
        Held.ForEach(buffer => buffer.Dispose());
        Held.Clear();
    }

    /// <summary>Pins a page, asks where it is, and gives it back.</summary>
    /// <param name="ramFs">By pages of a ramfs.</param>
    public static void Pin(bool ramFs)
    {
        using GuestBuffer buffer = new NativeGuestMemory(pinning: ramFs ? PinningMechanism.RamFs : PinningMechanism.IoUring).Allocate(4096);
        _ = buffer.TryQueryPages(out _, out _);
    }

    /// <summary>Pins pages, tells a VMM of them, and forgets about it.</summary>
    /// <returns>Where they are.</returns>
    public static ulong Leak(long length)
    {
        GuestBuffer buffer = new NativeGuestMemory(pinning: PinningMechanism.IoUring).Allocate(length);
        buffer.Span.Fill(0xA5);
        _ = buffer.Lease("a VMM");
        return buffer.Address.Value;
    }
}
