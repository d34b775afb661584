namespace Hypercall.Testing;

/// <summary>
/// A run of pages of the fake guest's process, and the bytes behind it. Where the pages are, only the page table knows.
/// </summary>
/// <remarks>
/// <code>
///   pages:   [ page 0 ]  [ page 1 ]  [ page 2 ]
///   bytes:   hhhh####### ########### #####tttttt
///                ^ Start                             # one managed memory, contiguous, so that a span can be taken
///                                                    h, t: the rest of the pages, somebody else's bytes of the same process
/// </code>
/// Memory that the fake allocates fills its pages: it has neither head nor tail. An array of the program under test usually has
/// both.
/// </remarks>
internal sealed class FakeMapping
{
    private readonly byte[] _head;
    private readonly byte[] _tail;
    private Backing? _backing;

    public FakeMapping(GuestVirtualAddress start, long length, FakeMappingKind kind, int buffer)
    {
        Start = start;
        Length = length;
        Kind = kind;
        Buffer = buffer;
        FirstPage = start.Value >> GuestPage.Shift;
        PageCount = (int)GuestPage.Count(start, length);
        _head = new byte[start.PageOffset];
        _tail = new byte[((long)PageCount << GuestPage.Shift) - start.PageOffset - length];
    }

    public GuestVirtualAddress Start { get; }

    public long Length { get; }

    public FakeMappingKind Kind { get; }

    /// <summary>The number of the buffer that it was made for.</summary>
    public int Buffer { get; }

    public ulong FirstPage { get; }

    public int PageCount { get; }

    /// <summary>What holds which pages.</summary>
    public List<FakeHold> Holds { get; } = [];

    /// <summary>The buffers and windows of the program that show it.</summary>
    public List<FakeGuestBuffer> Buffers { get; } = [];

    /// <summary>How many windows onto an array of the program are open.</summary>
    public int Windows { get; set; }

    public bool IsMapped => _backing is not null;

    public Memory<byte> Bytes => _backing is { } backing
        ? backing.Bytes
        : throw new InvalidOperationException("The memory under this window was freed. Dispose a window before the memory it shows.");

    public void Map(Memory<byte> bytes) => _backing = new Backing(bytes);

    /// <summary>The pages are gone; their addresses are never used again for anything else.</summary>
    public void Unmap() => _backing = null;

    /// <summary>The strongest hold on a page.</summary>
    public Residency ResidencyOf(int page)
    {
        Residency strongest = Residency.Touched;
        foreach (FakeHold hold in Holds)
        {
            strongest = hold.Covers(page) && hold.Residency > strongest ? hold.Residency : strongest;
        }

        return strongest;
    }

    /// <summary>Copies bytes of one page.</summary>
    public void CopyTo(int page, int offset, Span<byte> destination)
    {
        long position = Position(page, offset);
        while (!destination.IsEmpty)
        {
            Span<byte> part = Part(position, destination.Length);
            part.CopyTo(destination);
            destination = destination[part.Length..];
            position += part.Length;
        }
    }

    /// <summary>Copies bytes into one page.</summary>
    public void CopyFrom(int page, int offset, ReadOnlySpan<byte> source)
    {
        long position = Position(page, offset);
        while (!source.IsEmpty)
        {
            Span<byte> part = Part(position, source.Length);
            source[..part.Length].CopyTo(part);
            source = source[part.Length..];
            position += part.Length;
        }
    }

    /// <summary>Whether each of some bytes of one page lies in a buffer or window that the program has at this moment.</summary>
    public bool AreHandedOver(int page, int offset, int length)
    {
        ulong first = ((FirstPage + (ulong)page) << GuestPage.Shift) + (ulong)offset;
        ulong end = first + (ulong)length;
        for (int i = 0; i < Buffers.Count && first < end; i++)
        {
            ulong start = Buffers[i].Address.Value;
            ulong stop = start + (ulong)Buffers[i].Length;
            if (start <= first && first < stop)
            {
                first = stop;
                i = -1; // another one may continue where this one ends
            }
        }

        return first >= end;
    }

    private long Position(int page, int offset) => ((long)page << GuestPage.Shift) + offset - Start.PageOffset;

    private Span<byte> Part(long position, int length)
    {
        Span<byte> part = position < 0 ? _head.AsSpan((int)(position + _head.Length))
            : position < Length ? Bytes.Span[(int)position..]
            : _tail.AsSpan((int)(position - Length));
        return part[..Math.Min(part.Length, length)];
    }

    // A reference is swapped in one step; a Memory<byte> of two words is not.
    private sealed record Backing(Memory<byte> Bytes);
}
