using System.Globalization;

namespace Hypercall;

/// <summary>A guest frame number (GFN): a guest physical address without its low 12 bits.</summary>
public readonly record struct GuestFrameNumber
{
    /// <summary>Takes a number for a frame.</summary>
    /// <param name="value">The number.</param>
    public GuestFrameNumber(ulong value) => Value = value;

    /// <summary>The number.</summary>
    public ulong Value { get; }

    /// <summary>The guest physical address of the frame's first byte.</summary>
    /// <exception cref="OverflowException">The number is 2^52 or more: such a frame has no 64-bit address.</exception>
    public GuestPhysicalAddress Address => new(checked(Value * GuestPage.Size));

    /// <summary>The number in hexadecimal.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
