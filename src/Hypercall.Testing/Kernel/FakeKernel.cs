using System.Globalization;

namespace Hypercall.Testing;

/// <summary>
/// The guest's kernel, as far as it has to do with memory: what it does to the pages of a process, at its request and behind its
/// back. Everything under the run's gate.
/// </summary>
/// <remarks>
/// <code>
///                 touch                      swap out
///   never touched -------->  private page  ---------->  swapped       every arrow back is a touch, into another frame
///        | read                 |      |  drop
///        v                fork  |      `-------------->  dropped      the page stays in its frame
///   zero page, read-only        v       migrate
///        | touch             copy-on-write              migrating     for so many walks; then private, in another frame
///        `--> private           `--> private, in another frame
/// </code>
/// </remarks>
internal sealed class FakeKernel
{
    private const ulong PresentWritable = PageTableEntry.Present | PageTableEntry.Writable;

    private readonly FakeRun _run;
    private readonly Dictionary<(FakeMapping Mapping, int Page), int> _absentWalks = [];
    private ulong _swapSlots;

    public FakeKernel(FakeRun run, FakeMachineOptions options)
    {
        _run = run;
        Physical = new FakePhysicalMemory(options);
        Pages = new FakePageTable(Physical, options.Paging);
        Space = new FakeAddressSpace(options.Paging);
    }

    public FakePhysicalMemory Physical { get; }

    /// <summary>The page table of the program's process.</summary>
    public FakePageTable Pages { get; }

    /// <summary>Its mappings.</summary>
    public FakeAddressSpace Space { get; }

    /// <summary>The buffers and windows that the program has at this moment.</summary>
    public List<FakeGuestBuffer> Buffers { get; } = [];

    public FakeMapping? Find(ulong page) => Space.Find(page);

    /// <summary>
    /// What the program's write to some pages makes the kernel do: they are present and the program's own afterwards, but for
    /// those that are just being moved.
    /// </summary>
    public void Touch(FakeMapping mapping, int first, int count)
    {
        int end = first + count;
        for (int page = first; page < end; page++)
        {
            ref ulong entry = ref Pages.Leaf(mapping, page, out int pages);
            if ((entry & PresentWritable) == PresentWritable)
            {
                entry |= FakePageTable.Touched;
                page += pages - 1 - (int)((mapping.FirstPage + (ulong)page) % (ulong)pages);
            }
            else if (mapping.IsMapped)
            {
                BringIn(mapping, page, ref Pages.Entry(mapping, page), isWrite: true);
            }
        }
    }

    /// <summary>
    /// What the program's read of a page makes the kernel do: one that was never touched becomes the zero page.
    /// </summary>
    public void Load(FakeMapping mapping, int page)
    {
        if ((Pages.Read(mapping, page) & PageTableEntry.Present) != 0)
        {
            return;
        }

        ref ulong entry = ref Pages.Entry(mapping, page);
        if (entry == 0)
        {
            entry = ((FakePageTable.Private & ~PageTableEntry.Writable) | PageTableEntry.Accessed) + (FakePhysicalMemory.ZeroFrame << GuestPage.Shift);
            if (_run.IsRecording)
            {
                _run.Tell(FakeActor.Kernel, $"maps the shared zero page, read-only, for {Name(mapping, page)}");
            }
        }
        else
        {
            BringIn(mapping, page, ref entry, isWrite: false);
        }
    }

    /// <summary>What pagemap says of a page.</summary>
    public GuestPage Describe(ulong virtualPage, bool hideFrames)
    {
        if (Find(virtualPage) is not { } mapping)
        {
            return default;
        }

        int page = (int)(virtualPage - mapping.FirstPage);
        ulong entry = Pages.Read(mapping, page);

        // A page under migration reads as swapped, and one of NUMA balancing as present: measured on Linux 6.18;
        // Documentation/admin-guide/mm/pagemap.rst, pte_present().
        return PageTableEntry.IsSwapped(entry) || PageTableEntry.IsMigrating(entry) ? GuestPage.SwappedOut
            : entry == 0 ? default
            : hideFrames ? GuestPage.Hidden
            : GuestPage.InFrame(new GuestFrameNumber(PageTableEntry.Frame(entry)));
    }

    /// <summary>Which rule forbids that a page is swapped out; null if none.</summary>
    public static string? RuleAgainstSwapping(FakeMapping mapping, int page) =>
        RuleOfKind(mapping) ?? (mapping.ResidencyOf(page) >= Residency.Locked ? $"The page is {mapping.ResidencyOf(page)}: a lock keeps a page in memory (mlock(2))." : null);

    /// <summary>Which rule forbids that a page leaves its frame, or its entry in the page table; null if none.</summary>
    public static string? RuleAgainstMoving(FakeMapping mapping, int page) =>
        RuleOfKind(mapping) ?? (mapping.ResidencyOf(page) == Residency.Pinned
            ? "The page is Pinned: a long-term pin keeps a page in its frame and mapped (Linux, Documentation/core-api/pin_user_pages.rst, FOLL_LONGTERM)." : null);

    /// <summary>Swaps a page out.</summary>
    /// <returns>False if it was out already, or is just being moved.</returns>
    public bool SwapOut(FakeMapping mapping, int page, PlannedFault? planned = null)
    {
        ref ulong entry = ref Pages.Entry(mapping, page);
        bool isThere = (entry & PageTableEntry.Present) != 0 || PageTableEntry.IsDropped(entry);
        if (!isThere || PageTableEntry.Frame(entry) == FakePhysicalMemory.ZeroFrame)
        {
            return false;
        }

        Physical.Retire(PageTableEntry.Frame(entry));
        entry = PageTableEntry.Swapped(++_swapSlots);
        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Kernel, $"swaps {Name(mapping, page)} out: its frame goes to somebody else", planned);
        }

        return true;
    }

    /// <summary>Moves a page to another frame.</summary>
    /// <param name="mapping">Its mapping.</param>
    /// <param name="page">Its index.</param>
    /// <param name="walks">How many walks do not find it meanwhile.</param>
    /// <param name="planned">The planned fault behind it, if there is one.</param>
    /// <returns>False if it is in no frame.</returns>
    public bool MigratePage(FakeMapping mapping, int page, int walks, PlannedFault? planned = null)
    {
        ref ulong entry = ref Pages.Entry(mapping, page);
        ulong old = PageTableEntry.Frame(entry);
        bool isThere = (entry & PageTableEntry.Present) != 0 || PageTableEntry.IsDropped(entry);
        if (!isThere || old == FakePhysicalMemory.ZeroFrame)
        {
            return false;
        }

        ulong frame = Physical.Put(mapping, page);
        if (Physical[old].Kind == FrameKind.Shared)
        {
            Physical.Share(frame); // the child moves along, and the entry stays read-only
        }

        Physical.Retire(old);
        entry = PageTableEntry.IsDropped(entry) ? PageTableEntry.Restore(entry) : entry;
        entry = (entry & ~PageTableEntry.FrameMask) | (frame << GuestPage.Shift);
        if (walks > 0)
        {
            entry = PageTableEntry.Migrating(entry);
            _absentWalks[(mapping, page)] = walks;
        }

        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Kernel, $"moves {Name(mapping, page)} from frame 0x{old:x} to 0x{frame:x}" + (walks > 0 ? $", and {walks} walk{(walks == 1 ? " does" : "s do")} not find it meanwhile" : ""), planned);
        }

        return true;
    }

    /// <summary>Takes a page's entry out of the page table until it is touched; the page stays in its frame.</summary>
    /// <returns>False if it was not present.</returns>
    public bool Drop(FakeMapping mapping, int page, PlannedFault? planned = null)
    {
        ref ulong entry = ref Pages.Entry(mapping, page);
        if ((entry & PageTableEntry.Present) == 0 || PageTableEntry.Frame(entry) == FakePhysicalMemory.ZeroFrame)
        {
            return false;
        }

        entry = PageTableEntry.Dropped(entry);
        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Kernel, $"takes {Name(mapping, page)} out of the page table until the guest touches it (NUMA balancing)", planned);
        }

        return true;
    }

    /// <summary>A fork: the page is read-only from now on, and its frame shared with the child.</summary>
    /// <returns>False if it is not present, or read-only already.</returns>
    public bool WriteProtect(FakeMapping mapping, int page, PlannedFault? planned = null)
    {
        ref ulong entry = ref Pages.Entry(mapping, page);
        if ((entry & PageTableEntry.Present) == 0 || (entry & PageTableEntry.Writable) == 0)
        {
            return false;
        }

        entry &= ~PageTableEntry.Writable;
        Physical.Share(PageTableEntry.Frame(entry));
        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Kernel, $"forks: {Name(mapping, page)} becomes copy-on-write, read-only, and shares its frame with the child", planned);
        }

        return true;
    }

    /// <summary>The page is the kernel's alone from now on.</summary>
    public void HideFromUser(FakeMapping mapping, int page) => Pages.Entry(mapping, page) &= ~PageTableEntry.User;

    /// <summary>Waits for pages that are just being moved.</summary>
    public void FinishMoves(FakeMapping mapping, int first, int count)
    {
        for (int page = first; _absentWalks.Count != 0 && page < first + count; page++)
        {
            FinishMove(mapping, page);
        }
    }

    /// <summary>A walk did not find a page: one that is just being moved comes nearer to its end.</summary>
    public void CountWalk(ulong virtualPage)
    {
        if (_absentWalks.Count == 0 || Find(virtualPage) is not { } mapping)
        {
            return;
        }

        int page = (int)(virtualPage - mapping.FirstPage);
        if (!_absentWalks.TryGetValue((mapping, page), out int left))
        {
            return;
        }

        if (left > 1)
        {
            _absentWalks[(mapping, page)] = left - 1;
            return;
        }

        FinishMove(mapping, page);
    }

    /// <summary>What a #PF that the VMM injected makes the kernel do. A page that is just being moved is waited for.</summary>
    /// <param name="address">The address: CR2.</param>
    /// <param name="isWrite">Whether it is missing for a write.</param>
    /// <param name="isSpurious">Whether there was nothing to do.</param>
    /// <returns>Whether the instruction can run again; otherwise the process gets a signal.</returns>
    public bool TryResolve(ulong address, bool isWrite, out bool isSpurious)
    {
        isSpurious = false;
        ulong virtualPage = address >> GuestPage.Shift;
        if (Find(virtualPage) is not { } mapping || mapping.Kind == FakeMappingKind.Device)
        {
            return false;
        }

        int page = (int)(virtualPage - mapping.FirstPage);
        ulong needed = isWrite ? PresentWritable : PageTableEntry.Present;
        isSpurious = (Pages.Read(mapping, page) & needed) == needed;
        FinishMove(mapping, page);
        if (isWrite)
        {
            Touch(mapping, page, 1);
        }
        else
        {
            Load(mapping, page);
        }

        return true;
    }

    /// <summary>Takes a mapping away: its frames go to somebody else.</summary>
    public void Unmap(FakeMapping mapping)
    {
        mapping.Unmap();
        Space.Remove();
        Pages.Clear(mapping);
        for (int page = 0; _absentWalks.Count != 0 && page < mapping.PageCount; page++)
        {
            _ = _absentWalks.Remove((mapping, page));
        }
    }

    /// <summary>A page as the trace calls it: with the number of a buffer that shows it at this moment.</summary>
    public static string Name(FakeMapping mapping, int page)
    {
        foreach (FakeGuestBuffer buffer in mapping.Buffers)
        {
            if (page >= buffer.FirstPage && page < buffer.FirstPage + buffer.PageCount)
            {
                return string.Create(CultureInfo.InvariantCulture, $"page {page - buffer.FirstPage} of buffer {buffer.Number}");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"page {page} of buffer {mapping.Buffer}");
    }

    private static string? RuleOfKind(FakeMapping mapping) => mapping.Kind switch
    {
        FakeMappingKind.Kernel => "The page is the kernel's own (kmalloc): such pages are neither swapped nor moved (Linux, Documentation/core-api/memory-allocation.rst).",
        FakeMappingKind.Device => "The page is no memory of the process, but a mapping of physical addresses (mem(4)): the kernel leaves it where it is.",
        _ => null,
    };

    private void FinishMove(FakeMapping mapping, int page)
    {
        if (_absentWalks.Remove((mapping, page)))
        {
            ref ulong entry = ref Pages.Entry(mapping, page);
            entry = PageTableEntry.Restore(entry);
        }
    }

    private void BringIn(FakeMapping mapping, int page, ref ulong entry, bool isWrite)
    {
        if (PageTableEntry.IsMigrating(entry))
        {
            return; // Touch and Load wait for no migration: the next one may begin at once
        }

        if (PageTableEntry.IsDropped(entry))
        {
            entry = PageTableEntry.Restore(entry);
            if (_run.IsRecording)
            {
                _run.Tell(FakeActor.Kernel, $"puts {Name(mapping, page)} back into the page table");
            }

            if (!isWrite || (entry & PageTableEntry.Writable) != 0)
            {
                entry |= PageTableEntry.Accessed | (isWrite ? PageTableEntry.Dirty : 0);
                return;
            }
        }

        string why = (entry & PageTableEntry.Present) != 0 ? "copies" : PageTableEntry.IsSwapped(entry) ? "swaps in" : "makes";
        if ((entry & PageTableEntry.Present) != 0)
        {
            Physical.Retire(PageTableEntry.Frame(entry)); // it is the child's alone from now on; the zero page stays what it is
        }

        ulong frame = Physical.Put(mapping, page);
        entry = FakePageTable.Present(frame);
        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Kernel, $"{why} {Name(mapping, page)}, in frame 0x{frame:x}");
        }
    }
}
