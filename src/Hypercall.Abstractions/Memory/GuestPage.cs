namespace Hypercall;

/// <summary>
/// What the guest kernel says of one page of a process: where it is, or why nobody can say.
/// </summary>
/// <remarks>
/// The layout is that of an entry of Linux's <c>/proc/PID/pagemap</c> (Documentation/admin-guide/mm/pagemap.rst), so that a
/// gigabyte of pages is translated by one read into an array of these:
/// <code>
///   63        62       61 ... 55   54 ............ 0
/// [present][swapped][ not ours ][ frame number (GFN) ]
/// </code>
/// Without CAP_SYS_ADMIN the kernel gives frame number 0, which no process ever has.
/// </remarks>
public readonly record struct GuestPage
{
    /// <summary>Size of a page and of a frame, in bytes: 4 KiB.</summary>
    public const int Size = 1 << Shift;

    /// <summary>How many address bits lie inside a page.</summary>
    public const int Shift = 12;

    private const ulong PresentBit = 1ul << 63;
    private const ulong SwappedBit = 1ul << 62;
    private const ulong FrameMask = (1ul << 55) - 1;

    /// <summary>Reads an entry.</summary>
    /// <param name="entry">The entry.</param>
    public GuestPage(ulong entry) => Entry = entry;

    /// <summary>The entry.</summary>
    public ulong Entry { get; }

    /// <summary>A page that is present, in a known frame.</summary>
    /// <param name="frame">Its frame: 1 to 2^55 - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The frame number does not fit, or is 0.</exception>
    public static GuestPage InFrame(GuestFrameNumber frame) => frame.Value is 0 or > FrameMask
        ? throw new ArgumentOutOfRangeException(nameof(frame), frame, "A frame number is 1 to 2^55 - 1.")
        : new GuestPage(PresentBit | frame.Value);

    /// <summary>A page that is present, in a frame that this process may not know.</summary>
    public static GuestPage Hidden => new(PresentBit);

    /// <summary>A page that was swapped out.</summary>
    public static GuestPage SwappedOut => new(SwappedBit);

    /// <summary>What is known of the page.</summary>
    public GuestPageState State => (Entry & PresentBit) != 0
        ? (Entry & FrameMask) == 0 ? GuestPageState.FrameHidden : GuestPageState.Present
        : (Entry & SwappedBit) != 0 ? GuestPageState.Swapped : GuestPageState.NotMapped;

    /// <summary>The frame of a page whose <see cref="State"/> is <see cref="GuestPageState.Present"/>.</summary>
    /// <exception cref="InvalidOperationException">The page is in no frame that this process may know.</exception>
    public GuestFrameNumber Frame => State == GuestPageState.Present
        ? new GuestFrameNumber(Entry & FrameMask)
        : throw NoFrame();

    /// <summary>How many pages a byte range touches.</summary>
    /// <param name="start">Where it starts.</param>
    /// <param name="length">Its length in bytes, 0 or more.</param>
    public static long Count(GuestVirtualAddress start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return length == 0 ? 0 : (long)(((ulong)start.PageOffset + (ulong)length - 1) >> Shift) + 1;
    }

    /// <summary>The state only: a frame number is privileged, and does not belong in a log by accident.</summary>
    public override string ToString() => State.ToString();

    private InvalidOperationException NoFrame() => new($"The page has no known frame: it is {State}."); // so that Frame is inlined
}
