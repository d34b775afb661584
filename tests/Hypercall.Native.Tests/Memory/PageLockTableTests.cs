using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Hypercall.Native.Tests.Memory;

public sealed class PageLockTableTests
{
    private const int Pages = 24;

    // Three copies of the library in one runtime have a table object each, and one state.
    [Property(MaxTest = 500)]
    public Property A_page_is_locked_exactly_while_somebody_in_any_copy_counts_on_it()
    {
        Gen<(int First, int Length, bool Lock, bool Fails)> step =
            from first in Gen.Choose(0, Pages - 1)
            from length in Gen.Choose(1, Pages - first)
            from locks in Gen.Elements(true, true, false)
            from fails in Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true)))
            select (first, length, locks, fails);
        return Prop.ForAll(step.ListOf().ToArbitrary(), Gen.Choose(0, (1 << Pages) - 1).ToArbitrary(), (steps, foreign) =>
        {
            Model model = new(foreign);
            var state = PageLockTable.NewState();
            PageLockTable[] copies = [new(model, state), new(model, state), new(model, state)];
            int turn = 0;
            List<PageSpan> held = [];
            int[] counts = new int[Pages];
            foreach ((int first, int length, bool locks, bool fails) in steps)
            {
                PageLockTable table = copies[turn++ % copies.Length]; // who unlocks may be another than who locked: counts are all alike
                if (locks)
                {
                    PageSpan pages = Span(first, length);
                    model.FailAfter = fails ? length / 2 : null;
                    int error = table.TryLock(pages);
                    Assert.Equal(fails, error != 0);
                    if (error == 0)
                    {
                        held.Add(pages);
                        Count(counts, pages, 1);
                    }
                }
                else if (held.Count > 0)
                {
                    PageSpan pages = held[first % held.Count];
                    held.RemoveAt(first % held.Count);
                    table.Unlock(pages);
                    Count(counts, pages, -1);
                }

                for (int page = 0; page < Pages; page++)
                {
                    Assert.Equal(counts[page] > 0 || (foreign >> page & 1) != 0, model.Locked[page]);
                }
            }

            foreach (PageSpan pages in held)
            {
                copies[turn++ % copies.Length].Unlock(pages);
            }

            Assert.All(copies, copy => Assert.Equal(0, copy.Segments));
            for (int page = 0; page < Pages; page++)
            {
                Assert.Equal((foreign >> page & 1) != 0, model.Locked[page]);
            }
        });
    }

    [Fact]
    public void A_gibibyte_is_one_segment_however_many_windows_came_and_went_inside()
    {
        PageLockTable table = new(new Blind());
        PageSpan whole = new(1 << 30, 2u << 30);
        Assert.Equal(0, table.TryLock(whole));
        Random random = new(5);
        for (int i = 0; i < 10_000; i++)
        {
            nuint start = whole.Start + ((nuint)random.Next(0, 262_000) * GuestPage.Size);
            PageSpan pages = new(start, start + ((nuint)random.Next(1, 144) * GuestPage.Size));
            Assert.Equal(0, table.TryLock(pages));
            table.Unlock(pages);
        }

        Assert.Equal(1, table.Segments);
        table.Unlock(whole);
        Assert.Equal(0, table.Segments);
    }

    private static PageSpan Span(int first, int length) =>
        new((nuint)(first + 1) * GuestPage.Size, (nuint)(first + 1 + length) * GuestPage.Size);

    private static void Count(int[] counts, PageSpan pages, int by)
    {
        for (nuint page = pages.Start; page < pages.End; page += GuestPage.Size)
        {
            counts[(int)(page / GuestPage.Size) - 1] += by;
        }
    }

    private sealed class Blind : IPageLocker
    {
        public int TryLock(PageSpan pages) => 0;

        public void Unlock(PageSpan pages)
        {
        }

        public List<PageSpan> FindLocked(PageSpan pages, long ownBytes) => [];
    }

    // A kernel of 24 pages: one bit each, no counts, some locked by others from the start; a lock may fail half way.
    private sealed class Model : IPageLocker
    {
        public Model(int foreign)
        {
            for (int page = 0; page < Pages; page++)
            {
                Locked[page] = (foreign >> page & 1) != 0;
            }
        }

        public bool[] Locked { get; } = new bool[Pages];

        public int? FailAfter { get; set; }

        public int TryLock(PageSpan pages)
        {
            Set(pages, true, FailAfter ?? int.MaxValue);
            return FailAfter is null ? 0 : 12;
        }

        public void Unlock(PageSpan pages) => Set(pages, false, int.MaxValue);

        public List<PageSpan> FindLocked(PageSpan pages, long ownBytes)
        {
            if (Locked.Count(locked => locked) * (long)GuestPage.Size == ownBytes)
            {
                return [];
            }

            List<PageSpan> found = [];
            for (nuint page = pages.Start; page < pages.End; page += GuestPage.Size)
            {
                if (Locked[(int)(page / GuestPage.Size) - 1])
                {
                    found.Add(new PageSpan(page, page + GuestPage.Size));
                }
            }

            return found;
        }

        private void Set(PageSpan pages, bool locked, int atMost)
        {
            for (nuint page = pages.Start; page < pages.End && atMost-- > 0; page += GuestPage.Size)
            {
                Locked[(int)(page / GuestPage.Size) - 1] = locked;
            }
        }
    }
}
