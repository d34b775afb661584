namespace Hypercall;

/// <summary>Bytes at consecutive guest physical addresses.</summary>
public readonly record struct PhysicalExtent
{
    /// <summary>Names bytes.</summary>
    /// <param name="start">The address of the first byte.</param>
    /// <param name="length">How many bytes, 1 and more.</param>
    public PhysicalExtent(GuestPhysicalAddress start, long length)
    {
        Start = start;
        Length = length;
    }

    /// <summary>The address of the first byte.</summary>
    public GuestPhysicalAddress Start { get; }

    /// <summary>How many bytes, 1 and more.</summary>
    public long Length { get; }
}
