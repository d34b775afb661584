namespace Hypercall.Testing;

/// <summary>
/// Translates guest virtual addresses as the CPU does, and as a VMM does that follows the guest's page tables: from CR3 and guest
/// frames alone.
/// </summary>
/// <remarks>
/// The rules are those of Intel SDM vol. 3A, sections 4.5 (formats), 4.6 (access rights), 4.7 (#PF) and 4.8 (accessed and dirty),
/// and of AMD APM vol. 2, sections 5.3 to 5.6 and 8.4.2. The order of checks follows from them:
/// <code>
///   canonical?              no: #GP(0)
///   each level, top down:   P clear: #PF, P = 0;  then a reserved bit set: #PF, P = 1, RSVD = 1
///   the translation:        U/S, R/W and NX of all levels together: #PF, P = 1
///   A in every entry, D in the last one on a write
/// </code>
/// Access rights come after the whole translation: a write below a read-only entry to a page that is not present gives P = 0.
/// <para>
/// Of a walk that ends in a #PF neither manual promises that it leaves the A bits alone. The SDM (4.8) sets A in an entry that is
/// used for a translation, and CPUs may set it in the entries above the failing one; the APM (5.4.2) lets a CPU set A
/// speculatively. Both rule out any mark in an entry that is not present, and D for a write that faults. Software may rely on no
/// more than that; here a faulting walk sets nothing, so that the walk after it sees what this one saw.
/// </para>
/// <para>
/// Not here, as if CR4 and CPUID said so: SMEP, SMAP, protection keys, shadow stacks, LAM, HLAT, memory encryption (the C bit),
/// TLBs. 1 GiB pages are supported. CR3 counts with bits 51 to 12 only.
/// </para>
/// </remarks>
internal sealed class PageWalker
{
    private const int MostPhysicalBits = 52;   // Intel SDM vol. 3A, section 4.1.4; AMD APM vol. 2, section 5.1
    private const int LeastPhysicalBits = 32;
    private const int LargestPage = 3;         // PDPTE
    private const int Levels = 5;

    private readonly IPageTableFrames _frames;
    private readonly ulong[] _reservedOfTable = new ulong[Levels + 1];
    private readonly ulong[] _reservedOfPage = new ulong[LargestPage + 1];

    /// <param name="frames">Guest memory.</param>
    /// <param name="physicalBits">MAXPHYADDR, 32 to 52: address bits above are reserved.</param>
    /// <param name="isAmd">Whether bit 8 is reserved in a PML4E and a PML5E (AMD APM vol. 2, section 5.3.3, figures 5-19 and
    /// 5-20); Intel ignores it.</param>
    public PageWalker(IPageTableFrames frames, int physicalBits = MostPhysicalBits, bool isAmd = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(physicalBits, LeastPhysicalBits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(physicalBits, MostPhysicalBits);
        _frames = frames;

        ulong unreachable = Bits(physicalBits, 51);
        for (int level = 1; level <= Levels; level++)
        {
            ulong root = level > LargestPage ? PageTableEntry.PageSize | (isAmd ? PageTableEntry.Global : 0) : 0;
            _reservedOfTable[level] = unreachable | root;
        }

        _reservedOfPage[1] = unreachable;
        _reservedOfPage[2] = unreachable | Bits(13, 20);
        _reservedOfPage[3] = unreachable | Bits(13, 29);
    }

    /// <summary>Translates one address.</summary>
    /// <param name="cr3">CR3 of the guest.</param>
    /// <param name="paging">Levels of its page tables: CR4.LA57.</param>
    /// <param name="gva">The address.</param>
    /// <param name="access">What the access is.</param>
    /// <param name="writeProtect">CR0.WP: the kernel may not write to read-only pages either.</param>
    /// <param name="setAccessedDirty">Whether to set A and D, as a CPU does and a VMM need not.</param>
    /// <param name="noExecuteEnabled">EFER.NXE: without it, bit 63 is reserved.</param>
    /// <exception cref="ArgumentOutOfRangeException">The access writes and fetches at once, or the number of levels is neither 4
    /// nor 5.</exception>
    public PageWalk Walk(
        ulong cr3,
        FakePaging paging,
        ulong gva,
        PageAccess access,
        bool writeProtect = true,
        bool setAccessedDirty = true,
        bool noExecuteEnabled = true)
    {
        Validate(paging, access);
        if (!PageTableEntry.IsCanonical(gva, paging))
        {
            return default;
        }

        ulong reserved = noExecuteEnabled ? 0 : PageTableEntry.NoExecute;
        ulong all = ulong.MaxValue;
        ulong any = 0;
        ulong entry = cr3;
        int level = (int)paging;
        while (true)
        {
            ulong[]? table = _frames.FindTable(PageTableEntry.Frame(entry));
            if (table is null)
            {
                return new PageWalk { IsCanonical = true, IsTableMissing = true, FailedLevel = level };
            }

            entry = table[PageTableEntry.Index(gva, level)];
            if (!PageTableEntry.IsPresent(entry))
            {
                return PageFault(level, ErrorCode(access, noExecuteEnabled));
            }

            bool isPage = level == 1 || (level <= LargestPage && (entry & PageTableEntry.PageSize) != 0);
            if ((entry & (reserved | (isPage ? _reservedOfPage : _reservedOfTable)[level])) != 0)
            {
                return PageFault(level, ErrorCode(access, noExecuteEnabled) | PageFaultErrorCode.Present | PageFaultErrorCode.Reserved);
            }

            all &= entry;
            any |= entry;
            if (isPage)
            {
                break;
            }

            level--;
        }

        // What the access needs and some entry withholds. The kernel needs R/W only under CR0.WP.
        ulong needed = (access & PageAccess.User) != 0 ? PageTableEntry.User : 0;
        if ((access & PageAccess.Write) != 0 && (writeProtect || needed != 0))
        {
            needed |= PageTableEntry.Writable;
        }

        ulong forbidden = (access & PageAccess.Fetch) != 0 ? PageTableEntry.NoExecute : 0;
        ulong offset = (1ul << PageTableEntry.Shift(level)) - 1;
        PageWalk walk = new()
        {
            IsCanonical = true,
            PageSize = (long)offset + 1,
            IsWritable = (all & PageTableEntry.Writable) != 0,
            IsUser = (all & PageTableEntry.User) != 0,
            IsNoExecute = (any & PageTableEntry.NoExecute) != 0,
        };
        if ((~all & needed) != 0 || (any & forbidden) != 0)
        {
            return walk with
            {
                ErrorCode = ErrorCode(access, noExecuteEnabled) | PageFaultErrorCode.Present,
                FailedLevel = FindForbidding(cr3, paging, gva, needed, forbidden),
            };
        }

        ulong mark = (access & PageAccess.Write) != 0 ? PageTableEntry.Accessed | PageTableEntry.Dirty : PageTableEntry.Accessed;
        if (setAccessedDirty && ((all & PageTableEntry.Accessed) == 0 || (entry & mark) != mark))
        {
            Mark(cr3, paging, gva, level, mark);
        }

        return walk with
        {
            IsPresent = true,
            Address = new GuestPhysicalAddress((entry & PageTableEntry.FrameMask & ~offset) | (gva & offset)),
        };
    }

    private static ulong Bits(int low, int high) => ((1ul << (high + 1)) - 1) & ~((1ul << low) - 1);

    private static PageWalk PageFault(int level, PageFaultErrorCode errorCode) =>
        new() { IsCanonical = true, FailedLevel = level, ErrorCode = errorCode };

    private static PageFaultErrorCode ErrorCode(PageAccess access, bool noExecuteEnabled) =>
        ((access & PageAccess.Write) != 0 ? PageFaultErrorCode.Write : 0)
        | ((access & PageAccess.User) != 0 ? PageFaultErrorCode.User : 0)
        | ((access & PageAccess.Fetch) != 0 && noExecuteEnabled ? PageFaultErrorCode.Fetch : 0);

    private static void Validate(FakePaging paging, PageAccess access)
    {
        if (paging is not (FakePaging.FourLevel or FakePaging.FiveLevel))
        {
            throw new ArgumentOutOfRangeException(nameof(paging), paging, "Long mode has 4 or 5 levels of page tables.");
        }

        if ((access & PageAccess.Fetch) != 0 && (access & PageAccess.Write) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(access), access, "No CPU fetches and writes in one access.");
        }
    }

    // Walks once more, which only the first access to a page costs.
    private void Mark(ulong cr3, FakePaging paging, ulong gva, int leaf, ulong mark)
    {
        ulong parent = cr3;
        for (int level = (int)paging; level >= leaf; level--)
        {
            ref ulong entry = ref Entry(parent, gva, level);
            entry |= level == leaf ? mark : PageTableEntry.Accessed;
            parent = entry;
        }
    }

    private int FindForbidding(ulong cr3, FakePaging paging, ulong gva, ulong needed, ulong forbidden)
    {
        int level = (int)paging;
        ulong entry = Entry(cr3, gva, level);
        while ((~entry & needed) == 0 && (entry & forbidden) == 0)
        {
            entry = Entry(entry, gva, --level);
        }

        return level;
    }

    private ref ulong Entry(ulong parent, ulong gva, int level) =>
        ref _frames.FindTable(PageTableEntry.Frame(parent))![PageTableEntry.Index(gva, level)];
}
