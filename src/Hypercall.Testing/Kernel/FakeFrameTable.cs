namespace Hypercall.Testing;

/// <summary>
/// What is known of the scattered frames, in the order in which they were handed out.
/// </summary>
/// <remarks>
/// <code>
///   index:   0 ........ 127   128 ....... 255   256 ....
///          [ a page is left ] [   dropped    ] [ recent ]
/// </code>
/// Frames come in blocks. A block that no page is left in, and no frame of the VMM's own, is dropped when it is old: of its
/// frames no more is known than that they are stale. So the table of a machine that runs for long grows with the pages that are
/// in use, and not with those that ever were.
/// </remarks>
internal sealed class FakeFrameTable
{
    private const int BlockSize = 128;
    private const int RecentBlocks = 512; // 256 MiB of pages

    private readonly List<Block?> _blocks = [];
    private long _count;

    public FakeFrame this[long index]
    {
        get => _blocks[(int)(index / BlockSize)] is { } block ? block.Frames[index % BlockSize] : new FakeFrame(FrameKind.Stale);
        set
        {
            if (_blocks[(int)(index / BlockSize)] is { } block)
            {
                block.Kept += value.Kind == FrameKind.Rom ? 1 : 0; // for ever: a VMM gives nothing back
                block.Frames[index % BlockSize] = value;
            }
        }
    }

    /// <summary>Takes note of the frame that was handed out last; of one that no page was put into, the default.</summary>
    public void Add(FakeFrame frame)
    {
        int slot = (int)(_count++ % BlockSize);
        if (slot == 0)
        {
            _blocks.Add(new Block());
            DropIfDone(_blocks.Count - 1 - RecentBlocks);
        }

        Block block = _blocks[^1]!;
        block.Frames[slot] = frame;
        block.Kept++; // a page; or the default, for a frame that is the VMM's own
    }

    /// <summary>The page has left its frame.</summary>
    public void Retire(long index)
    {
        int number = (int)(index / BlockSize);
        if (_blocks[number] is { } block && block.Frames[index % BlockSize].Mapping is not null)
        {
            ref FakeFrame frame = ref block.Frames[index % BlockSize];
            frame = frame with { Kind = FrameKind.Stale, Mapping = null };
            block.Kept--;
            DropIfDone(number < _blocks.Count - RecentBlocks ? number : -1);
        }
    }

    private void DropIfDone(int number)
    {
        if (number >= 0 && _blocks[number] is { Kept: 0 })
        {
            _blocks[number] = null;
        }
    }

    private sealed class Block
    {
        public FakeFrame[] Frames { get; } = new FakeFrame[BlockSize];

        /// <summary>How many of the frames have a page in them, or are the VMM's own.</summary>
        public int Kept { get; set; }
    }
}
