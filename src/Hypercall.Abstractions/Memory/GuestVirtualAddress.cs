using System.Globalization;

namespace Hypercall;

/// <summary>
/// A guest virtual address (GVA): what a pointer of this process holds. The VMM reaches it by walking the guest's page table.
/// </summary>
public readonly record struct GuestVirtualAddress : IComparable<GuestVirtualAddress>
{
    /// <summary>Takes a number for an address.</summary>
    /// <param name="value">The address.</param>
    public GuestVirtualAddress(ulong value) => Value = value;

    /// <summary>The address.</summary>
    public ulong Value { get; }

    /// <summary>Offset of the address in its 4 KiB page, 0 to 4095.</summary>
    public int PageOffset => (int)(Value & (GuestPage.Size - 1));

    /// <summary>Whether one address lies below another.</summary>
    /// <param name="left">One address.</param>
    /// <param name="right">The other.</param>
    public static bool operator <(GuestVirtualAddress left, GuestVirtualAddress right) => left.Value < right.Value;

    /// <summary>Whether one address lies above another.</summary>
    /// <param name="left">One address.</param>
    /// <param name="right">The other.</param>
    public static bool operator >(GuestVirtualAddress left, GuestVirtualAddress right) => left.Value > right.Value;

    /// <summary>Whether one address is not above another.</summary>
    /// <param name="left">One address.</param>
    /// <param name="right">The other.</param>
    public static bool operator <=(GuestVirtualAddress left, GuestVirtualAddress right) => left.Value <= right.Value;

    /// <summary>Whether one address is not below another.</summary>
    /// <param name="left">One address.</param>
    /// <param name="right">The other.</param>
    public static bool operator >=(GuestVirtualAddress left, GuestVirtualAddress right) => left.Value >= right.Value;

    /// <summary>The address some bytes further on.</summary>
    /// <param name="address">An address.</param>
    /// <param name="bytes">How far; negative goes back.</param>
    /// <exception cref="OverflowException">The sum leaves the 64-bit range.</exception>
    public static GuestVirtualAddress operator +(GuestVirtualAddress address, long bytes) => address.Add(bytes);

    /// <summary>The address some bytes further on.</summary>
    /// <param name="bytes">How far; negative goes back.</param>
    /// <exception cref="OverflowException">The sum leaves the 64-bit range.</exception>
    public GuestVirtualAddress Add(long bytes) =>
        new(bytes >= 0 ? checked(Value + (ulong)bytes) : checked(Value - (ulong)-(Int128)bytes));

    /// <inheritdoc/>
    public int CompareTo(GuestVirtualAddress other) => Value.CompareTo(other.Value);

    /// <summary>The address in hexadecimal: <c>0x7f1200000000</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x}");
}
