namespace Hypercall;

/// <summary>
/// A byte range over a list of frames: what a VMM needs to find scattered memory.
/// </summary>
/// <remarks>
/// <code>
///   frames: [ F0 ]  [ F1 ]  [ F2 ]        the first and the last may be partial,
///   bytes:  ..####  ######  ###...        all between are whole
///             ^ offset (0 to 4095) in F0; length = 4 + 6 + 3
/// </code>
/// There is no way to express a gap inside.
/// </remarks>
public sealed class PagedRange
{
    /// <summary>Creates a range.</summary>
    /// <param name="offset">Offset of the first byte in the first frame, 0 to 4095.</param>
    /// <param name="length">Length in bytes, 1 and more.</param>
    /// <param name="frames">The frames, exactly as many as the range touches.</param>
    /// <exception cref="ArgumentException">The number of frames is not the number that the range touches.</exception>
    public PagedRange(int offset, long length, ReadOnlyMemory<GuestFrameNumber> frames)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(offset, GuestPage.Size);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        long needed = GuestPage.Count(new GuestVirtualAddress((ulong)offset), length);
        if (frames.Length != needed)
        {
            throw new ArgumentException(
                $"{length} bytes from offset {offset} touch {needed} frames; {frames.Length} were given.", nameof(frames));
        }

        Offset = offset;
        Length = length;
        Frames = frames;
    }

    /// <summary>The range of bytes that follow each other in physical memory.</summary>
    internal static PagedRange From(GuestPhysicalAddress start, long length)
    {
        GuestFrameNumber[] frames = new GuestFrameNumber[GuestPage.Count(new GuestVirtualAddress(start.Value), length)];
        for (int i = 0; i < frames.Length; i++)
        {
            frames[i] = new GuestFrameNumber(start.Frame.Value + (ulong)i);
        }

        return new PagedRange(start.FrameOffset, length, frames);
    }

    /// <summary>Offset of the first byte in the first frame, 0 to 4095.</summary>
    public int Offset { get; }

    /// <summary>Length in bytes.</summary>
    public long Length { get; }

    /// <summary>The frames, in the order of the bytes.</summary>
    public ReadOnlyMemory<GuestFrameNumber> Frames { get; }

    /// <summary>The guest physical address of the first byte.</summary>
    public GuestPhysicalAddress Start => new(Frames.Span[0].Address.Value + (ulong)Offset);

    /// <summary>A part of the range.</summary>
    /// <param name="offset">Where the part starts, in bytes from the start of the range.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part leaves the range, or is empty.</exception>
    public PagedRange Slice(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length - offset);
        GuestVirtualAddress start = new((ulong)(Offset + offset));
        return new PagedRange(
            start.PageOffset, length, Frames.Slice((int)(start.Value >> GuestPage.Shift), (int)GuestPage.Count(start, length)));
    }

    /// <summary>The range as pieces of physical memory, adjacent frames put together.</summary>
    /// <remarks>
    /// <code>
    ///   frames:   [ 7 ]  [ 8 ]  [ 3 ]
    ///   bytes:    ..##   ####   #...
    ///   extents:  { 7 * 4096 + 2, 6 bytes }, { 3 * 4096, 1 byte }
    /// </code>
    /// </remarks>
    /// <returns>One extent at least; their lengths sum up to <see cref="Length"/>, in the order of the bytes.</returns>
    public IReadOnlyList<PhysicalExtent> GetExtents()
    {
        List<PhysicalExtent> extents = [];
        ReadOnlySpan<GuestFrameNumber> frames = Frames.Span;
        long left = Length;
        int first = 0;
        for (int next = 1; next <= frames.Length; next++)
        {
            if (next < frames.Length && frames[next].Value == frames[next - 1].Value + 1)
            {
                continue;
            }

            int skip = first == 0 ? Offset : 0;
            long length = Math.Min(left, ((long)(next - first) << GuestPage.Shift) - skip);
            extents.Add(new PhysicalExtent(new GuestPhysicalAddress(frames[first].Address.Value + (ulong)skip), length));
            left -= length;
            first = next;
        }

        return extents;
    }

    /// <summary>How many bytes from the start lie at consecutive physical addresses; <see cref="Length"/> when all do.</summary>
    public long ContiguousLength
    {
        get
        {
            ReadOnlySpan<GuestFrameNumber> frames = Frames.Span;
            int run = 1;
            while (run < frames.Length && frames[run].Value == frames[run - 1].Value + 1)
            {
                run++;
            }

            return Math.Min(Length, ((long)run << GuestPage.Shift) - Offset);
        }
    }

    /// <summary>Whether the whole range lies at consecutive physical addresses.</summary>
    public bool IsContiguous => ContiguousLength == Length;
}
