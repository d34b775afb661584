namespace Hypercall;

/// <summary>Some bytes of a buffer, to be transferred. A whole buffer converts to one by itself.</summary>
/// <remarks>
/// <code>
///   buffer: [ .......########............ ]
///             Offset^       ^ Offset + Length
/// </code>
/// </remarks>
public readonly struct GuestSlice
{
    /// <summary>Takes some bytes of a buffer.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <param name="offset">Where they start, in bytes from the start of the buffer.</param>
    /// <param name="length">How many, 1 and more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The slice is empty, or leaves the buffer.</exception>
    public GuestSlice(GuestBuffer buffer, long offset, long length)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, buffer.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, buffer.Length - offset);
        Buffer = buffer;
        Offset = offset;
        Length = length;
    }

    /// <summary>The buffer.</summary>
    public GuestBuffer Buffer { get; }

    /// <summary>Where the bytes start in it.</summary>
    public long Offset { get; }

    /// <summary>How many bytes.</summary>
    public long Length { get; }

    /// <summary>The guest virtual address of the first byte.</summary>
    public GuestVirtualAddress Address => Buffer.Address + Offset;

    /// <summary>A whole buffer.</summary>
    /// <param name="buffer">The buffer.</param>
    public static implicit operator GuestSlice(GuestBuffer buffer) => FromGuestBuffer(buffer);

    /// <summary>A whole buffer.</summary>
    /// <param name="buffer">The buffer.</param>
    public static GuestSlice FromGuestBuffer(GuestBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        return new GuestSlice(buffer, 0, buffer.Length);
    }
}
