using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Hypercall.Testing;

/// <summary>
/// Guest-physical memory: sparse 4 KiB frames in a 52-bit space. What nobody asked for does not exist in this process, but has an
/// owner and bytes.
/// </summary>
/// <remarks>
/// <code>
///   GFN  0x1000 ...... 0x81000    0x10_0000 ............ 0x8_0010_0000   0x8_ffff_ffff   0x9_0000_0000 ...   0x10_0000_0000 ...... 0x100_0000_0000
///        RAM below 4 GiB   hole   RAM above 4 GiB                        zero page       page tables         contiguous runs (52 bits of GPA)
///           [ROM]
/// </code>
/// Every second frame of the scattered RAM belongs to somebody else.
/// </remarks>
internal sealed class FakePhysicalMemory : IPageTableFrames
{
    public const ulong ZeroFrame = TableBase - 1;

    private const ulong TableBase = 0x9_0000_0000;
    private const int MostStale = 1 << 16; // of contiguous runs; older ones are taken for somebody else's from the start
    private const int EntriesPerTable = GuestPage.Size / sizeof(ulong);

    private readonly FakeFrameTable _scattered = new();
    private readonly Dictionary<ulong, FakeFrame> _others = [];
    private readonly Queue<ulong> _stale = [];
    private readonly List<ulong[]> _tables = [];
    private readonly FakeFrames _free;
    private readonly PhysicalExtent[] _rom;
    private readonly ulong _seed;

    public FakePhysicalMemory(FakeMachineOptions options)
    {
        _seed = options.Seed;
        _free = new FakeFrames(options.Seed);
        _rom = [.. options.Rom];
        foreach (PhysicalExtent extent in _rom)
        {
            if (extent.Length <= 0 || extent.Start.FrameOffset != 0 || extent.Length % GuestPage.Size != 0)
            {
                throw new ArgumentException(
                    $"A ROM-faked region consists of whole frames: it starts at, and has a length of, a multiple of {GuestPage.Size}. This one has {extent.Length} bytes at {extent.Start}.", nameof(options));
            }
        }
    }

    /// <summary>The first ROM-faked region; null if there is none.</summary>
    public PhysicalExtent? Rom => _rom.Length == 0 ? null : _rom[0];

    public FakeFrame this[ulong frame]
    {
        get
        {
            if (_free.IndexOf(frame) is >= 0 and long index && _scattered[index] is { Kind: not FrameKind.Hole } scattered)
            {
                return scattered;
            }

            return _others.TryGetValue(frame, out FakeFrame known) ? known : new FakeFrame(KindOf(frame));
        }
    }

    /// <summary>Puts a page into a frame of its own, away from all others.</summary>
    public ulong Put(FakeMapping mapping, int page)
    {
        ulong frame;
        while (IsRom(frame = _free.Next()))
        {
            _scattered.Add(default);
        }

        _scattered.Add(new FakeFrame(FrameKind.Page, mapping, page, mapping.Buffer));
        return frame;
    }

    /// <summary>Puts pages into given frames in a row.</summary>
    public void Put(FakeMapping mapping, int page, ulong frame, int count)
    {
        if (_others.Count + count > _others.Capacity)
        {
            _ = _others.EnsureCapacity(Math.Max(_others.Count + count, 2 * _others.Count));
        }

        for (int i = 0; i < count; i++)
        {
            _others[frame + (ulong)i] = new FakeFrame(FrameKind.Page, mapping, page + i, mapping.Buffer);
        }
    }

    /// <summary>The first of some frames in a row, or 0 if there is no room left.</summary>
    public ulong FindRun(long count) => _free.NextRun(count);

    /// <summary>A frame's page has left it, or its process has ended: it goes to somebody else.</summary>
    public void Retire(ulong frame)
    {
        if (_free.IndexOf(frame) is >= 0 and long index)
        {
            _scattered.Retire(index);
            return;
        }

        ref FakeFrame known = ref CollectionsMarshal.GetValueRefOrNullRef(_others, frame);
        if (Unsafe.IsNullRef(ref known) || known.Kind is not (FrameKind.Page or FrameKind.Shared))
        {
            return;
        }

        known = known with { Kind = FrameKind.Stale, Mapping = null };
        _stale.Enqueue(frame);
        if (_stale.Count > MostStale && _stale.Dequeue() is ulong oldest && _others[oldest].Kind == FrameKind.Stale)
        {
            _ = _others.Remove(oldest);
        }
    }

    /// <summary>A frame's page is shared with a child from now on.</summary>
    public void Share(ulong frame)
    {
        FakeFrame known = this[frame];
        if (known.Kind == FrameKind.Page)
        {
            Set(frame, known with { Kind = FrameKind.Shared });
        }
    }

    /// <summary>The VMM owns a frame from now on, unless the guest uses it.</summary>
    /// <returns>Whether it does.</returns>
    public bool MakeRom(ulong frame)
    {
        if (this[frame].Kind is not (FrameKind.Somebody or FrameKind.Stale))
        {
            return false;
        }

        Set(frame, new FakeFrame(FrameKind.Rom));
        return this[frame].Kind == FrameKind.Rom;
    }

    public ulong[]? FindTable(ulong frame) => frame - TableBase < (ulong)_tables.Count ? _tables[(int)(frame - TableBase)] : null;

    public ulong AllocateTable(out ulong[] entries)
    {
        entries = new ulong[EntriesPerTable];
        _tables.Add(entries);
        return TableBase + (ulong)_tables.Count - 1;
    }

    /// <summary>
    /// Reads bytes of a frame that holds none of the program's pages: the zero page, a page table, or what somebody else has
    /// there.
    /// </summary>
    public void ReadOthers(ulong frame, int offset, Span<byte> destination)
    {
        if (frame == ZeroFrame)
        {
            destination.Clear();
        }
        else if (FindTable(frame) is { } table)
        {
            MemoryMarshal.AsBytes(table.AsSpan()).Slice(offset, destination.Length).CopyTo(destination);
        }
        else
        {
            Fill(frame, offset, destination);
        }
    }

    private void Set(ulong frame, FakeFrame known)
    {
        if (_free.IndexOf(frame) is >= 0 and long index)
        {
            _scattered[index] = known;
        }
        else
        {
            _others[frame] = known;
        }
    }

    private bool IsRom(ulong frame) => KindOf(frame) == FrameKind.Rom || (_others.Count != 0 && _others.TryGetValue(frame, out FakeFrame known) && known.Kind == FrameKind.Rom);

    private FrameKind KindOf(ulong frame)
    {
        foreach (PhysicalExtent extent in _rom)
        {
            if (frame - extent.Start.Frame.Value < (ulong)extent.Length >> GuestPage.Shift)
            {
                return FrameKind.Rom;
            }
        }

        return frame == ZeroFrame ? FrameKind.Zero
            : FindTable(frame) is not null ? FrameKind.Table
            : FakeFrames.IsMemory(frame) ? FrameKind.Somebody
            : FrameKind.Hole;
    }

    /// <summary>
    /// The bytes of others: the same in every run, different in every frame, and nothing that a program would write.
    /// </summary>
    private void Fill(ulong frame, int offset, Span<byte> destination)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        for (int i = 0; i < destination.Length; i++)
        {
            int at = offset + i;
            if (i == 0 || at % sizeof(ulong) == 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(word, FakeRandom.Mix(_seed ^ (frame << GuestPage.Shift) ^ (ulong)(at & -sizeof(ulong))));
            }

            destination[i] = word[at % sizeof(ulong)];
        }
    }
}
