using System.Runtime.CompilerServices;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

/// <summary>What the kernel maps, the CPU finds, whatever the address, the size and the rights.</summary>
public sealed class PagingPropertyTests
{
    /// <summary>
    /// A page as a kernel would map it: Gva is an address in it, Offset leads from its first byte to another one.
    /// </summary>
    public sealed record Mapping(FakePaging Paging, int Level, ulong Gva, ulong Offset, ulong Frame, bool Writable, bool User, bool NoExecute)
    {
        public ulong Size => Level switch { 1 => 0x1000, 2 => 0x20_0000, _ => 0x4000_0000 };

        public ulong Page => Gva & ~(Size - 1);

        public ulong Target => Frame << 12 & ~(Size - 1);

        public ulong Entry =>
            Target | 1 | (Writable ? 2ul : 0) | (User ? 4ul : 0) | (Level > 1 ? 0x80ul : 0) | (NoExecute ? 1ul << 63 : 0);
    }

    public sealed record Attempt(PageAccess Access, bool WriteProtect, bool SetAccessedDirty);

    public static class Arbitraries
    {
        public static Arbitrary<Mapping> Mappings() => Map(FakePaging.FourLevel).Or(Map(FakePaging.FiveLevel)).ToArbitrary();

        public static Arbitrary<(Mapping First, Mapping Second)> Pairs() =>
            Gen.Elements(FakePaging.FourLevel, FakePaging.FiveLevel).SelectMany(paging => Map(paging).Zip(Map(paging))).ToArbitrary();

        public static Arbitrary<Attempt> Attempts() =>
            (from access in Gen.Elements(HandMadeTables.Accesses)
             from wp in Gen.Elements(true, false)
             from mark in Gen.Elements(true, false)
             select new Attempt(access, wp, mark)).ToArbitrary();

        private static Gen<Mapping> Map(FakePaging paging) =>
            from indices in Gen.OneOf(Gen.Choose(0, 511), Gen.Elements(0, 1, 255, 256, 511)).ArrayOf(5)
            from level in Gen.Choose(1, 3)
            from offset in Gen.Choose(0, (1 << 30) - 1)
            from low in Gen.Choose(0, (1 << 20) - 1)
            from high in Gen.Choose(0, (1 << 20) - 1)
            from rights in Gen.Choose(0, 7)
            select New(paging, level, indices, (ulong)offset, (uint)low | ((ulong)(uint)high << 20), rights);

        private static Mapping New(FakePaging paging, int level, int[] indices, ulong offset, ulong frame, int rights)
        {
            ulong gva = indices.Aggregate(0ul, (sum, index) => (sum << 9) | (uint)index) << 12;
            int sign = paging == FakePaging.FourLevel ? 16 : 7;
            gva = (ulong)((long)(gva << sign) >> sign) | (offset & 0xfff);
            ulong size = level switch { 1 => 0x1000ul, 2 => 0x20_0000, _ => 0x4000_0000 };
            return new Mapping(paging, level, gva, offset & (size - 1), frame, (rights & 1) != 0, (rights & 2) != 0, (rights & 4) != 0);
        }
    }

    [Property(MaxTest = 2000, Arbitrary = [typeof(Arbitraries)])]
    public void A_page_that_was_mapped_is_found_with_its_rights(Mapping map, Attempt attempt)
    {
        (TestFrames frames, PageTables tables) = New(map);
        ulong gva = map.Page + map.Offset;
        PageWalk walk = Walk(frames, tables, gva, attempt);
        bool isAllowed = IsAllowed(map, attempt);
        PageWalk expected = new()
        {
            IsCanonical = true,
            IsPresent = isAllowed,
            Address = isAllowed ? new GuestPhysicalAddress(map.Target + map.Offset) : default,
            PageSize = (long)map.Size,
            IsWritable = map.Writable,
            IsUser = map.User,
            IsNoExecute = map.NoExecute,
            ErrorCode = isAllowed ? PageFaultErrorCode.None : PageFaultErrorCode.Present | Describe(attempt.Access),
            FailedLevel = isAllowed ? 0 : map.Level,
        };
        Assert.Equal(expected, walk);
    }

    [Property(MaxTest = 2000, Arbitrary = [typeof(Arbitraries)])]
    public void A_page_that_is_not_mapped_gives_a_page_fault_that_says_so((Mapping First, Mapping Second) maps, Attempt attempt, int why)
    {
        (Mapping map, Mapping other) = maps;
        (TestFrames frames, PageTables tables) = New(map);
        ulong gva = map.Page + map.Offset;
        ref ulong entry = ref tables.FindEntry(gva, out _);
        entry = (why & 3) switch
        {
            0 => 0,
            1 => PageTableEntry.Swapped(map.Frame),
            2 => PageTableEntry.Migrating(entry),
            _ => PageTableEntry.Dropped(entry),
        };
        PageWalk walk = Walk(frames, tables, gva, attempt);
        Assert.Equal(new PageWalk { IsCanonical = true, ErrorCode = Describe(attempt.Access), FailedLevel = map.Level }, walk);

        // Nor is any other page there.
        walk = Walk(frames, tables, other.Gva, attempt);
        Assert.Equal(Describe(attempt.Access), walk.ErrorCode);
        Assert.False(walk.IsPresent);
        Assert.InRange(walk.FailedLevel, map.Level, (int)map.Paging);
    }

    [Property(MaxTest = 1000, Arbitrary = [typeof(Arbitraries)])]
    public void A_page_that_comes_back_is_found_as_before(Mapping map, Attempt attempt, bool migrates)
    {
        (TestFrames frames, PageTables tables) = New(map);
        PageWalk before = Walk(frames, tables, map.Gva, attempt);
        ref ulong entry = ref tables.FindEntry(map.Gva, out _);
        entry = migrates ? PageTableEntry.Migrating(entry) : PageTableEntry.Dropped(entry);
        Assert.False(Walk(frames, tables, map.Gva, attempt).IsPresent);
        Assert.True(Unsafe.AreSame(ref entry, ref tables.FindEntry(map.Gva, out int level)));
        Assert.Equal(map.Level, level);
        entry = PageTableEntry.Restore(entry);
        Assert.Equal(before, Walk(frames, tables, map.Gva, attempt));
    }

    [Property(MaxTest = 2000, Arbitrary = [typeof(Arbitraries)])]
    public void A_walk_changes_A_and_D_where_the_manuals_say_and_nothing_else((Mapping First, Mapping Second) maps, Attempt attempt)
    {
        (TestFrames frames, PageTables tables) = New(maps.First);
        if (maps.First.Page != maps.Second.Page) // it would take the place of the first
        {
            TryMap(tables, maps.Second);
        }

        Dictionary<ulong, ulong[]> before = frames.Copy();
        int version = tables.Version;
        bool isMarked = Walk(frames, tables, maps.First.Gva, attempt).IsPresent && attempt.SetAccessedDirty;
        List<(ulong Frame, int Index, ulong Changed)> changes = frames.Differences(before);
        Assert.Equal(version, tables.Version);
        if (!isMarked)
        {
            Assert.Empty(changes);
            return;
        }

        ulong leafBits = (attempt.Access & PageAccess.Write) != 0 ? 0x60ul : 0x20;
        ref ulong leaf = ref tables.FindEntry(maps.First.Gva, out _);
        Assert.Equal(maps.First.Entry | leafBits, leaf);
        Assert.Equal((int)maps.First.Paging - maps.First.Level + 1, changes.Count);
        Assert.Equal(leafBits == 0x20 ? 0 : 1, changes.Count(change => change.Changed == 0x60));
        Assert.All(changes, change => Assert.True(change.Changed == leafBits || change.Changed == 0x20));
    }

    [Property(MaxTest = 2000, Arbitrary = [typeof(Arbitraries)])]
    public void Two_pages_do_not_disturb_each_other((Mapping First, Mapping Second) maps, Attempt attempt)
    {
        (TestFrames frames, PageTables tables) = New(maps.First);
        PageWalk first = Walk(frames, tables, maps.First.Gva, attempt);
        if (!TryMap(tables, maps.Second))
        {
            // One lies in the other.
            Mapping larger = maps.First.Level > maps.Second.Level ? maps.First : maps.Second;
            Assert.NotEqual(maps.First.Level, maps.Second.Level);
            Assert.Equal(maps.First.Gva & ~(larger.Size - 1), maps.Second.Gva & ~(larger.Size - 1));
            return;
        }

        if (maps.First.Page != maps.Second.Page)
        {
            Assert.Equal(first, Walk(frames, tables, maps.First.Gva, attempt));
        }

        PageWalk second = Walk(frames, tables, maps.Second.Gva, attempt);
        (TestFrames alone, PageTables its) = New(maps.Second);
        Assert.Equal(Walk(alone, its, maps.Second.Gva, attempt), second);
    }

    private static (TestFrames Frames, PageTables Tables) New(Mapping map)
    {
        TestFrames frames = new();
        PageTables tables = new(frames, map.Paging);
        Assert.True(TryMap(tables, map));
        return (frames, tables);
    }

    private static bool TryMap(PageTables tables, Mapping map)
    {
        try
        {
            tables.GetOrAddEntry(map.Gva, map.Level) = map.Entry;
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static PageWalk Walk(TestFrames frames, PageTables tables, ulong gva, Attempt attempt) => new PageWalker(frames)
        .Walk(tables.Cr3, tables.Paging, gva, attempt.Access, attempt.WriteProtect, attempt.SetAccessedDirty);

    private static PageFaultErrorCode Describe(PageAccess access) => (PageFaultErrorCode)(
        (access.HasFlag(PageAccess.Write) ? 2 : 0) + (access.HasFlag(PageAccess.User) ? 4 : 0) + (access.HasFlag(PageAccess.Fetch) ? 16 : 0));

    private static bool IsAllowed(Mapping map, Attempt attempt)
    {
        bool user = attempt.Access.HasFlag(PageAccess.User);
        bool writes = attempt.Access.HasFlag(PageAccess.Write);
        bool fetches = attempt.Access.HasFlag(PageAccess.Fetch);
        return (map.User || !user) && (map.Writable || !writes || (!user && !attempt.WriteProtect)) && !(map.NoExecute && fetches);
    }
}
