namespace Hypercall.Cli.Memory;

/// <summary>Pages whose frames are neighbours.</summary>
/// <param name="First">The frame of the first page.</param>
/// <param name="Pages">How many there are.</param>
internal readonly record struct Extent(GuestFrameNumber First, long Pages)
{
    /// <summary>Pages as extents, in the order of their virtual addresses; a page that is in no frame is in no extent.</summary>
    public static IReadOnlyList<Extent> Of(ReadOnlySpan<GuestPage> pages)
    {
        List<Extent> extents = [];
        foreach (GuestPage page in pages)
        {
            if (page.State != GuestPageState.Present)
            {
                continue;
            }

            if (extents.Count > 0 && extents[^1] is var last && last.First.Value + (ulong)last.Pages == page.Frame.Value)
            {
                extents[^1] = last with { Pages = last.Pages + 1 };
            }
            else
            {
                extents.Add(new Extent(page.Frame, 1));
            }
        }

        return extents;
    }
}
