using System.Diagnostics.CodeAnalysis;

namespace Hypercall;

/// <summary>Where the pages of a byte range were when the kernel was asked.</summary>
/// <remarks>
/// The answer is a snapshot: only pinned pages stay where it says. Translate after pinning, never before.
/// </remarks>
public sealed class GuestPageMap
{
    private readonly ReadOnlyMemory<GuestFrameNumber> _frames; // or empty: then the pages were given
    private readonly ReadOnlyMemory<GuestPage> _pages;
    private GuestPage[]? _made; // from the frames, when somebody asks

    /// <summary>Creates the answer.</summary>
    /// <param name="start">Where the range starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <param name="pages">One entry for each page that the range touches.</param>
    /// <exception cref="ArgumentException">The number of pages is not the number that the range touches.</exception>
    public GuestPageMap(GuestVirtualAddress start, long length, ReadOnlyMemory<GuestPage> pages)
        : this(start, length, pages.Length, nameof(pages)) => _pages = pages;

    /// <summary>Creates the answer of a kernel that found every page present, and told in which frame.</summary>
    /// <param name="start">Where the range starts.</param>
    /// <param name="length">Its length in bytes, 1 and more.</param>
    /// <param name="frames">The frame of each page that the range touches; they become those of the paged range, without a
    /// copy.</param>
    /// <exception cref="ArgumentException">The number of frames is not the number of pages that the range touches.</exception>
    public GuestPageMap(GuestVirtualAddress start, long length, ReadOnlyMemory<GuestFrameNumber> frames)
        : this(start, length, frames.Length, nameof(frames)) => _frames = frames;

    private GuestPageMap(GuestVirtualAddress start, long length, int given, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (given != GuestPage.Count(start, length))
        {
            throw new ArgumentException(
                $"{length} bytes at {start} touch {GuestPage.Count(start, length)} pages; {given} entries were given.", name);
        }

        Start = start;
        Length = length;
    }

    /// <summary>Where the range starts.</summary>
    public GuestVirtualAddress Start { get; }

    /// <summary>Length of the range in bytes.</summary>
    public long Length { get; }

    /// <summary>One entry for each page that the range touches, in the order of their virtual addresses.</summary>
    public ReadOnlyMemory<GuestPage> Pages =>
        _frames.IsEmpty ? _pages : _made ??= Array.ConvertAll(_frames.ToArray(), GuestPage.InFrame);

    /// <summary>The frames of the range, if every page is present in a known frame.</summary>
    /// <param name="range">The paged range.</param>
    /// <param name="refusal">Which page is not, and what to do.</param>
    public bool TryGetPagedRange([NotNullWhen(true)] out PagedRange? range, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        if (!_frames.IsEmpty)
        {
            range = new PagedRange(Start.PageOffset, Length, _frames);
            refusal = null;
            return true;
        }

        ReadOnlySpan<GuestPage> pages = _pages.Span;
        GuestFrameNumber[] frames = GC.AllocateUninitializedArray<GuestFrameNumber>(pages.Length);
        for (int i = 0; i < pages.Length; i++)
        {
            if (pages[i].State != GuestPageState.Present)
            {
                range = null;
                refusal = GuestMemoryRefusal.ForPage(pages[i].State, i, pages.Length);
                return false;
            }

            frames[i] = pages[i].Frame;
        }

        range = new PagedRange(Start.PageOffset, Length, frames);
        refusal = null;
        return true;
    }
}
