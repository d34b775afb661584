namespace Hypercall.Testing.Tests;

/// <summary>The real side of <see cref="PagesModel"/>: buffers of the fake guest, and windows onto them.</summary>
internal sealed class PagesProgram(FakeMachine vmm) : IDisposable
{
    public List<GuestBuffer?> Buffers { get; } = [];

    public Dictionary<(int Region, int Hold), GuestBuffer> Windows { get; } = [];

    public Dictionary<(int Region, int Page), ulong> PinnedFrames { get; } = [];

    public void Dispose()
    {
        foreach (GuestBuffer window in Windows.Values)
        {
            window.Dispose();
        }

        Buffers.ForEach(buffer => buffer?.Dispose());
        Assert.Equal(0, vmm.Memory.LockedBytes);
    }

    /// <summary>Holds it to the model, without touching a page.</summary>
    public void Compare(PagesModel model)
    {
        Assert.Equal(model.LockedBytes, vmm.Memory.LockedBytes);
        Assert.Equal(model.Regions.Select(region => region.IsAlive), Buffers.Select(buffer => buffer is { IsDisposed: false }));
        foreach (int i in model.Alive)
        {
            PagesModel.Region region = model.Regions[i];
            GuestBuffer buffer = Buffers[i]!;
            GuestPage[] pages = vmm.Memory.QueryPages(buffer.Address, buffer.Length).Pages.ToArray();
            Assert.Equal(region.Pages.Select(page => page.IsOut ? GuestPageState.Swapped : GuestPageState.Present), pages.Select(page => page.State));
            for (int page = 0; page < pages.Length; page++)
            {
                // The VMM finds what is mapped, and there what the program wrote; a pinned page in the frame where it was.
                byte[] seen = vmm.ReadVirtual(buffer.Address + (page * GuestPage.Size), GuestPage.Size);
                Assert.Equal(region.Pages[page].IsMapped && !region.Pages[page].IsOut ? GuestPage.Size : 0, seen.Length);
                Assert.Equal(-1, seen.AsSpan().IndexOfAnyExcept(region.Pages[page].Fill));
                if (region.HeldBy(page) != Residency.Pinned)
                {
                    _ = PinnedFrames.Remove((i, page));
                }
                else if (!PinnedFrames.TryAdd((i, page), pages[page].Frame.Value))
                {
                    Assert.Equal(PinnedFrames[(i, page)], pages[page].Frame.Value);
                }
            }
        }
    }
}
