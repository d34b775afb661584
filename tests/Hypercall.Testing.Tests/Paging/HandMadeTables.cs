namespace Hypercall.Testing.Tests;

/// <summary>
/// One translation, written down entry by entry from the figures of the manuals.
/// </summary>
/// <remarks>
/// <code>
///   gva 0x00ab_7f12_3456_789a (four levels: 0x7f12_3456_789a)
///   bits     56..48   47..39   38..30   29..21   20..12   11..0
///             0xab     0xfe     0x48     0x1a2    0x167   0x89a
///   CR3 -> frame 5 -> frame 4 -> frame 3 -> frame 2 -> frame 1 -> page
/// </code>
/// </remarks>
internal sealed class HandMadeTables
{
    /// <summary>P, R/W and U/S: bits 0, 1, 2.</summary>
    public const ulong Open = 7;

    private static readonly int[] Indices = [-1, 0x167, 0x1a2, 0x48, 0xfe, 0xab];

    private readonly ulong[][] _tables;

    /// <param name="paging">How many levels.</param>
    /// <param name="leaf">Level of the entry that maps the page.</param>
    public HandMadeTables(FakePaging paging, int leaf)
    {
        Paging = paging;
        Leaf = leaf;
        _tables = [[], Frames.Add(1), Frames.Add(2), Frames.Add(3), Frames.Add(4), Frames.Add(5)];
        this[5] = 0x4000 | Open;
        this[4] = 0x3000 | Open;
        this[3] = leaf == 3 ? 0x000f_edcb_8000_0080 | Open : 0x2000 | Open;  // bit 7 is PS; 1 GiB aligned: bits 51 to 30
        this[2] = leaf == 2 ? 0x000f_edcb_a980_0080 | Open : 0x1000 | Open;  // 2 MiB aligned: bits 51 to 21
        this[1] = 0x000f_edcb_a987_6000 | Open;
    }

    public static TheoryData<FakePaging, int> Shapes => new()
    {
        { FakePaging.FourLevel, 1 }, { FakePaging.FourLevel, 2 }, { FakePaging.FourLevel, 3 },
        { FakePaging.FiveLevel, 1 }, { FakePaging.FiveLevel, 2 }, { FakePaging.FiveLevel, 3 },
    };

    /// <summary>The shapes, and each level that one of them uses.</summary>
    public static IEnumerable<(FakePaging Paging, int Leaf, int Level)> Levels =>
        from root in new[] { 4, 5 }
        from leaf in Enumerable.Range(1, 3)
        from level in Enumerable.Range(leaf, root - leaf + 1)
        select ((FakePaging)root, leaf, level);

    public static TheoryData<FakePaging, int, int> Entries
    {
        get
        {
            TheoryData<FakePaging, int, int> rows = [];
            foreach ((FakePaging paging, int leaf, int level) in Levels)
            {
                rows.Add(paging, leaf, level);
            }

            return rows;
        }
    }

    public static IEnumerable<PageAccess> Accesses { get; } =
    [
        PageAccess.Read, PageAccess.Write, PageAccess.Fetch,
        PageAccess.User, PageAccess.User | PageAccess.Write, PageAccess.User | PageAccess.Fetch,
    ];

    public TestFrames Frames { get; } = new();

    public FakePaging Paging { get; }

    public int Leaf { get; }

    public int Root => (int)Paging;

    public ulong Cr3 => Paging == FakePaging.FourLevel ? 0x4000ul : 0x5000ul;

    public ulong Gva => Paging == FakePaging.FourLevel ? 0x7f12_3456_789aul : 0xab_7f12_3456_789aul;

    public ulong this[int level]
    {
        get => _tables[level][Indices[level]];
        set => _tables[level][Indices[level]] = value;
    }

    public PageWalk Walk(
        PageAccess access, bool wp = true, bool nxe = true, bool mark = true, int physicalBits = 52, bool isAmd = false) =>
        new PageWalker(Frames, physicalBits, isAmd).Walk(Cr3, Paging, Gva, access, wp, mark, nxe);
}
