using System.Globalization;

namespace Hypercall;

/// <summary>
/// A guest physical address (GPA): where the guest's page table says that a byte lies. It is true only as long as the kernel
/// does not move the page: see <see cref="Residency.Pinned"/>.
/// </summary>
public readonly record struct GuestPhysicalAddress
{
    /// <summary>Takes a number for an address.</summary>
    /// <param name="value">The address.</param>
    public GuestPhysicalAddress(ulong value) => Value = value;

    /// <summary>The address.</summary>
    public ulong Value { get; }

    /// <summary>The frame that holds the byte.</summary>
    public GuestFrameNumber Frame => new(Value >> GuestPage.Shift);

    /// <summary>Offset of the byte in its frame, 0 to 4095.</summary>
    public int FrameOffset => (int)(Value & (GuestPage.Size - 1));

    /// <summary>The address in hexadecimal.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
