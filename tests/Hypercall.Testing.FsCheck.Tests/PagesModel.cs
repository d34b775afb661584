using System.Collections.Immutable;

namespace Hypercall.Testing.Tests;

/// <summary>
/// What a guest's kernel knows of a program's memory, as simple as it can be said: for each buffer its pages, each with its fill
/// and whether it is swapped out, and who holds it.
/// </summary>
internal sealed record PagesModel(ImmutableList<PagesModel.Region> Regions, long LockLimit)
{
    public const int MaxPages = 6;

    public static PagesModel Empty(long lockLimit) => new([], lockLimit);

    public IEnumerable<int> Alive => Enumerable.Range(0, Regions.Count).Where(region => Regions[region].IsAlive);

    /// <summary>A page that two windows hold counts once.</summary>
    public long LockedBytes => Regions.Sum(region => Enumerable.Range(0, region.Pages.Count).Count(page => region.HeldBy(page) >= Residency.Locked)) * (long)GuestPage.Size;

    public bool Fits(int region, int first, int count) =>
        LockedBytes + ((long)GuestPage.Size * Enumerable.Range(first, count).Count(page => Regions[region].HeldBy(page) < Residency.Locked)) <= LockLimit;

    public PagesModel With(int region, Func<Region, Region> change) => this with { Regions = Regions.SetItem(region, change(Regions[region])) };

    /// <summary>For a failure: each region's pages, o for one that is out, u for one that is not mapped.</summary>
    public override string ToString() =>
        string.Join(" ", Regions.Select(region => $"[{string.Concat(region.Pages.Select(page => page.IsOut ? 'o' : page.IsMapped ? '#' : 'u'))}]")) + $" {LockedBytes} bytes locked";

    /// <summary>
    /// Memory that the program allocated; one that was refused, or freed, keeps its number and is not alive. The first hold may
    /// be its own, the others are windows.
    /// </summary>
    internal sealed record Region(bool IsAlive, bool IsOwnHeld, ImmutableList<Page> Pages, ImmutableList<Hold> Holds)
    {
        public static Region Refused { get; } = new(false, false, [], []);

        public Residency HeldBy(int page) => Holds.Where(hold => !hold.IsGone && page >= hold.First && page < hold.First + hold.Count)
            .Select(hold => hold.Residency).DefaultIfEmpty(Residency.Touched).Max();

        public Region With(int page, Func<Page, Page> change) => this with { Pages = Pages.SetItem(page, change(Pages[page])) };

        public Region Touch(int first, int count) => Enumerable.Range(first, count).Aggregate(this, (region, page) => region.With(page, one => one with { IsOut = false, IsMapped = true }));
    }

    internal sealed record Page(byte Fill, bool IsOut, bool IsMapped);

    internal sealed record Hold(int First, int Count, Residency Residency, bool IsGone);
}
