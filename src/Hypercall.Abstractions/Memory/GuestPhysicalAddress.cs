using System.Globalization;

namespace Hypercall;

/// <summary>
/// A guest physical address (GPA): where the guest's page table says that a byte lies. It is true only as long as the kernel
/// does not move the page: see <see cref="Residency.Pinned"/>.
/// </summary>
/// <param name="Value">The address.</param>
public readonly record struct GuestPhysicalAddress(ulong Value)
{
    /// <summary>The frame that holds the byte.</summary>
    public GuestFrameNumber Frame => new(Value >> GuestPage.Shift);

    /// <summary>Offset of the byte in its frame, 0 to 4095.</summary>
    public int FrameOffset => (int)(Value & (GuestPage.Size - 1));

    /// <summary>The address in hexadecimal.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
