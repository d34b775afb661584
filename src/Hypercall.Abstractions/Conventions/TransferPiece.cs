namespace Hypercall;

/// <summary>A piece of memory as a VMM is told of it, to be written down in a descriptor.</summary>
public readonly struct TransferPiece
{
    internal TransferPiece(ulong address, long length, PagedRange? frames)
    {
        Address = address;
        Length = length;
        Frames = frames;
    }

    /// <summary>The address of the first byte: virtual for <see cref="Passing.Virtual"/>, otherwise physical.</summary>
    public ulong Address { get; }

    /// <summary>Its length in bytes.</summary>
    public long Length { get; }

    /// <summary>Its frames; null where it goes by virtual address, and where it is a descriptor itself.</summary>
    public PagedRange? Frames { get; }
}
