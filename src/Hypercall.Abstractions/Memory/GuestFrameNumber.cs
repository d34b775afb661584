using System.Globalization;

namespace Hypercall;

/// <summary>A guest frame number (GFN): a guest physical address without its low 12 bits.</summary>
/// <param name="Value">The number.</param>
public readonly record struct GuestFrameNumber(ulong Value)
{
    /// <summary>The guest physical address of the frame's first byte.</summary>
    /// <exception cref="OverflowException">The number is 2^52 or more: such a frame has no 64-bit address.</exception>
    public GuestPhysicalAddress Address => new(checked(Value * GuestPage.Size));

    /// <summary>The number in hexadecimal.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
