namespace Hypercall.Testing.Tests;

/// <summary>The fake's walker against that of the rig's VMM, which real guests are run under, on the same tables.</summary>
public sealed class RigWalkerTests
{
    private const int Seeds = 100;
    private const int WalksEach = 50;
    private const int MostBits = 52;

    [Fact]
    public void The_fake_and_the_rig_walk_alike()
    {
        Assert.SkipWhen(RigWalker.WhyNot is not null, RigWalker.WhyNot ?? "");
        using RigWalker rig = new();
        int translated = 0, denied = 0, absent = 0, strange = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            RandomTables tables = new(seed, MostBits);
            PageWalker walker = new(tables.Frames, MostBits);
            rig.Lend(tables.Frames.Tables);
            for (int i = 0; i < WalksEach; i++)
            {
                FakePaging paging = tables.Pick([FakePaging.FourLevel, FakePaging.FiveLevel]);
                ulong cr3 = tables.Cr3;
                ulong gva = tables.Address(paging);
                bool writeProtect = tables.Coin(), isUser = tables.Coin(), isWrite = tables.Coin(), mark = tables.Coin();
                PageAccess access = (isWrite ? PageAccess.Write : PageAccess.Read) | (isUser ? PageAccess.User : PageAccess.Read);
                PageWalk probe = walker.Walk(cr3, paging, gva, access, writeProtect, setAccessedDirty: false);
                if (probe.ErrorCode.HasFlag(PageFaultErrorCode.Reserved))
                {
                    continue; // a VMM need not look at reserved bits: the guest's CPU has done so, before it came here
                }

                Dictionary<ulong, ulong[]> before = tables.Frames.Copy();
                (ulong fault, ulong error, ulong address, ulong size, ulong rights) = rig.Walk(cr3, paging, writeProtect, isUser, gva, isWrite, mark);
                List<(ulong, int, ulong)> marked = tables.Frames.Differences(before);
                foreach ((ulong frame, ulong[] table) in before)
                {
                    table.CopyTo(tables.Frames.FindTable(frame)!, 0);
                }

                PageWalk walk = walker.Walk(cr3, paging, gva, access, writeProtect, setAccessedDirty: mark);
                Assert.Equal(walk.IsPresent ? 0ul : walk.IsCanonical ? 1ul : 2ul, fault);
                Assert.Equal(marked, tables.Frames.Differences(before));
                if (walk.IsPresent)
                {
                    Assert.Equal((walk.Address.Value, (ulong)walk.PageSize), (address, size));
                    Assert.Equal((walk.IsWritable ? 1ul : 0) | (walk.IsUser ? 2ul : 0) | (walk.IsNoExecute ? 4ul : 0), rights);
                    translated++;
                }
                else if (walk.IsCanonical && !walk.IsTableMissing)
                {
                    Assert.Equal((ulong)walk.ErrorCode, error);
                    _ = walk.ErrorCode.HasFlag(PageFaultErrorCode.Present) ? denied++ : absent++;
                }
                else
                {
                    strange++;
                }
            }
        }

        Assert.All([translated, denied, absent, strange], count => Assert.InRange(count, 50, int.MaxValue)); // the comparison is about something
    }
}
