namespace Hypercall.Testing;

/// <summary>
/// A run of pages of the fake guest's process, the bytes behind it, and its part of the page table.
/// </summary>
/// <remarks>
/// <code>
///   pages:   [ entry 0 ] [ entry 1 ] [ entry 2 ]     present in a frame, swapped out, or absent for a moment
///   bytes:   hhhh####### ########### #####tttttt
///                ^ Start                             # one managed memory, contiguous, so that a span can be taken
///                                                    h, t: the rest of the pages, somebody else's bytes of the same process
/// </code>
/// Memory that the fake allocates fills its pages: it has neither head nor tail. An array of the program under test usually has both.
/// </remarks>
internal sealed class FakeMapping
{
    private readonly byte[] _head;
    private readonly byte[] _tail;
    private volatile Backing? _backing;

    public FakeMapping(GuestVirtualAddress start, long length)
    {
        Start = start;
        Length = length;
        FirstPage = start.Value >> GuestPage.Shift;
        Entries = new ulong[GuestPage.Count(start, length)];
        _head = new byte[start.PageOffset];
        _tail = new byte[((long)Entries.Length << GuestPage.Shift) - start.PageOffset - length];
    }

    public GuestVirtualAddress Start { get; }

    public long Length { get; }

    public ulong FirstPage { get; }

    /// <summary>The page table entries, in the layout of <see cref="FakePageEntry"/>. Written under the memory's lock, read without.</summary>
    public ulong[] Entries { get; }

    /// <summary>What holds which pages. Under the memory's lock.</summary>
    public List<FakeHold> Holds { get; } = [];

    /// <summary>How many windows onto an array of the program are open. Under the memory's lock.</summary>
    public int Windows { get; set; }

    public bool IsMapped => _backing is not null;

    public void Map(Memory<byte> bytes) => _backing = new Backing(bytes);

    /// <summary>The pages are gone; their addresses are never used again for anything else.</summary>
    public void Unmap() => _backing = null;

    public Memory<byte> Bytes => _backing is { } backing
        ? backing.Bytes
        : throw new InvalidOperationException("The memory under this window was freed. Dispose a window before the memory it shows.");

    /// <summary>Copies bytes of one page.</summary>
    /// <returns>False if the page was unmapped meanwhile.</returns>
    public bool TryCopyTo(int page, int offset, Span<byte> destination)
    {
        if (_backing is not { } backing)
        {
            return false;
        }

        long position = Position(page, offset);
        while (!destination.IsEmpty)
        {
            Span<byte> part = Part(backing, position, destination.Length);
            part.CopyTo(destination);
            destination = destination[part.Length..];
            position += part.Length;
        }

        return true;
    }

    /// <summary>Copies bytes into one page.</summary>
    /// <returns>False if the page was unmapped meanwhile.</returns>
    public bool TryCopyFrom(int page, int offset, ReadOnlySpan<byte> source)
    {
        if (_backing is not { } backing)
        {
            return false;
        }

        long position = Position(page, offset);
        while (!source.IsEmpty)
        {
            Span<byte> part = Part(backing, position, source.Length);
            source[..part.Length].CopyTo(part);
            source = source[part.Length..];
            position += part.Length;
        }

        return true;
    }

    private long Position(int page, int offset) => ((long)page << GuestPage.Shift) + offset - Start.PageOffset;

    private Span<byte> Part(Backing backing, long position, int length)
    {
        Span<byte> part = position < 0 ? _head.AsSpan((int)(position + _head.Length))
            : position < Length ? backing.Bytes.Span[(int)position..]
            : _tail.AsSpan((int)(position - Length));
        return part[..Math.Min(part.Length, length)];
    }

    // A reference is swapped in one step; a Memory<byte> of two words is not.
    private sealed record Backing(Memory<byte> Bytes);
}
