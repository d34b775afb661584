using System.Buffers.Binary;

namespace Hypercall;

/// <summary>
/// A piece of memory written down in memory: a list of its frames, or a structure of a VMM's own that an argument points to.
/// </summary>
public sealed class DescriptorFormat
{
    private readonly DescriptorWriter _write;

    /// <summary>Describes a format.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="maxFrames">How many frames of data a descriptor holds at most, 1 and more; a longer piece is cut.</param>
    /// <param name="write">Writes it.</param>
    /// <param name="byVirtualAddress">Whether the VMM finds the descriptor by its virtual address, not by its physical
    /// one.</param>
    public DescriptorFormat(string name, int maxFrames, DescriptorWriter write, bool byVirtualAddress = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxFrames);
        ArgumentNullException.ThrowIfNull(write);
        Name = name;
        MaxFrames = maxFrames;
        IsByVirtualAddress = byVirtualAddress;
        _write = write;
    }

    /// <summary>
    /// Frames as Hyper-V's GPA_RANGE: 511 fill the page (Linux, include/linux/hyperv.h, <c>struct gpa_range</c>).
    /// </summary>
    /// <remarks>
    /// <code>
    /// offset  0           4                   8       16              8 + 8 n
    ///         u32 bytes   u32 offset in F0    u64 F0  u64 F1  ...     (n frames, 1 to 511: then the page is full)
    /// </code>
    /// </remarks>
    public static DescriptorFormat GpaRange { get; } = new("GPA_RANGE", (GuestPage.Size / sizeof(ulong)) - 1, WriteGpaRange) { NeedsFrames = true };

    /// <summary>Physical address and length of each run of adjacent frames: at most 256 runs.</summary>
    /// <remarks>
    /// <code>
    /// offset  0        8          16       24
    ///         u64 GPA  u64 bytes  u64 GPA  u64 bytes  ...
    /// </code>
    /// </remarks>
    public static DescriptorFormat Extents { get; } = new("extents", GuestPage.Size / (2 * sizeof(ulong)), WriteExtents) { NeedsFrames = true };

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>How many frames of data a descriptor holds at most.</summary>
    public int MaxFrames { get; }

    /// <summary>Whether the VMM finds the descriptor by its virtual address.</summary>
    public bool IsByVirtualAddress { get; }

    /// <summary>Whether it lists frames, and so needs a technique that gives it some.</summary>
    internal bool NeedsFrames { get; private init; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal int Write(in TransferPiece piece, Span<byte> block)
    {
        int size = _write(in piece, block);
        return size >= 1 && size <= block.Length
            ? size
            : throw new InvalidOperationException($"The descriptor format '{Name}' says that it wrote {size} bytes into a block of {block.Length}.");
    }

    private static int WriteGpaRange(in TransferPiece piece, Span<byte> block)
    {
        PagedRange frames = piece.Frames!;
        BinaryPrimitives.WriteUInt32LittleEndian(block, (uint)frames.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(block[sizeof(uint)..], (uint)frames.Offset);
        Span<byte> rest = block[(2 * sizeof(uint))..];
        foreach (GuestFrameNumber frame in frames.Frames.Span)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(rest, frame.Value);
            rest = rest[sizeof(ulong)..];
        }

        return block.Length - rest.Length;
    }

    private static int WriteExtents(in TransferPiece piece, Span<byte> block)
    {
        Span<byte> rest = block;
        foreach (PhysicalExtent extent in piece.Frames!.GetExtents())
        {
            BinaryPrimitives.WriteUInt64LittleEndian(rest, extent.Start.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(rest[sizeof(ulong)..], (ulong)extent.Length);
            rest = rest[(2 * sizeof(ulong))..];
        }

        return block.Length - rest.Length;
    }
}
