using FsCheck.Xunit;
using static Hypercall.Testing.Tests.NaiveWalker;

namespace Hypercall.Testing.Tests;

/// <summary>The walker against <see cref="NaiveWalker"/>, on tables that are right, wrong or garbage.</summary>
public sealed class PageWalkerReferenceTests
{
    [Property(MaxTest = 150)]
    public void Two_walkers_agree_on_any_tables_and_leave_the_same_memory_behind(int seed) => Compare(seed, 60);

    /// <summary>What a run of seeds is worth: each outcome, size and level comes up.</summary>
    [Fact]
    public void The_comparison_meets_every_outcome()
    {
        Dictionary<(Outcome, int, long), int> seen = [];
        for (int seed = 0; seed < 60; seed++)
        {
            foreach (Result result in Compare(seed, 60))
            {
                (Outcome, int, long) key = (result.Outcome, result.Level, result.Size);
                seen[key] = seen.GetValueOrDefault(key) + 1;
            }
        }

        List<(Outcome, int, long)> expected = [(Outcome.GeneralProtection, 0, 0)];
        foreach (long size in new[] { 0x1000L, 0x20_0000, 0x4000_0000 })
        {
            expected.Add((Outcome.Translated, 0, size));
            expected.AddRange(Enumerable.Range(4, 2).Select(level => (Outcome.AccessRights, level, size)));
        }

        foreach (int level in Enumerable.Range(1, 5))
        {
            expected.Add((Outcome.NotPresent, level, 0));
            expected.Add((Outcome.ReservedBit, level, 0));
        }

        expected.AddRange(Enumerable.Range(1, 4).Select(level => (Outcome.NoTable, level, 0L)));
        Assert.All(expected, key => Assert.InRange(seen.GetValueOrDefault(key), 20, int.MaxValue));
    }

    private static List<Result> Compare(int seed, int walks)
    {
        Random random = new(seed);
        int physicalBits = random.Next(3) == 0 ? 52 : random.Next(36, 52);
        bool isAmd = random.Next(2) == 0;
        RandomTables tables = new(seed, physicalBits);
        PageWalker walker = new(tables.Frames, physicalBits, isAmd);
        NaiveWalker naive = new(tables.Frames.FindTable, physicalBits, isAmd);
        List<Result> results = [];
        for (int i = 0; i < walks; i++)
        {
            FakePaging paging = tables.Pick([FakePaging.FourLevel, FakePaging.FiveLevel]);
            ulong cr3 = tables.Cr3;
            ulong gva = tables.Address(paging);
            bool wp = tables.Coin();
            bool nxe = tables.Pick([true, true, true, false]);
            bool mark = tables.Coin();
            foreach (PageAccess access in HandMadeTables.Accesses)
            {
                (bool write, bool user, bool fetch) = (access.HasFlag(PageAccess.Write), access.HasFlag(PageAccess.User), access.HasFlag(PageAccess.Fetch));
                Result expected = naive.Walk(cr3, (int)paging, gva, write, user, fetch, wp, nxe);
                Dictionary<ulong, ulong[]> after = tables.Frames.Copy();
                foreach ((ulong frame, int index, ulong value) in mark ? expected.Writes : [])
                {
                    after[frame][index] |= value; // an entry used on two levels is written twice
                }

                PageWalk walk = walker.Walk(cr3, paging, gva, access, wp, mark, nxe);
                Assert.Equal(Expect(expected), walk);
                Assert.Empty(tables.Frames.Differences(after));
                results.Add(expected);
            }
        }

        return results;
    }

    private static PageWalk Expect(Result result) => new()
    {
        IsCanonical = result.Outcome != Outcome.GeneralProtection,
        IsTableMissing = result.Outcome == Outcome.NoTable,
        IsPresent = result.Outcome == Outcome.Translated,
        Address = new GuestPhysicalAddress(result.Address),
        PageSize = result.Size,
        ErrorCode = (PageFaultErrorCode)result.ErrorCode,
        FailedLevel = result.Level,
        IsWritable = result.W,
        IsUser = result.U,
        IsNoExecute = result.X,
    };
}
