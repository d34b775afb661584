using System.Globalization;
using System.Runtime.CompilerServices;

namespace Hypercall.Testing;

/// <summary>
/// The guest's kernel, as far as it has to do with memory: an address space with real page tables in guest frames, and what a kernel does to
/// the pages of a process behind its back. Everything under the run's gate.
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
    public const ulong Private = PageTableEntry.Present | PageTableEntry.Writable | PageTableEntry.User | PageTableEntry.NoExecute;
    public const ulong Touched = PageTableEntry.Accessed | PageTableEntry.Dirty;

    private const ulong PresentWritable = PageTableEntry.Present | PageTableEntry.Writable;
    private const ulong FirstAddress = 0x7f00_0000_0000;         // where Linux's mmap hands out addresses, more or less
    private const ulong FirstAddress5 = 0x00aa_7f00_0000_0000;   // above what four levels reach
    private const int PagesOf2MiB = 512;
    private const int PagesOf1GiB = 512 * 512;

    private readonly FakeRun _run;
    private readonly FakeAddressSpace _space = new();
    private readonly Dictionary<(FakeMapping Mapping, int Page), int> _absentWalks = [];
    private readonly List<(ulong First, ulong End)> _gaps = []; // before mappings of large pages
    private readonly ulong _firstPage;
    private ulong _nextPage;
    private ulong _swapSlots;

    // The page table of the 2 MiB that were used last.
    private ulong[]? _table;
    private ulong _tableKey;
    private int _tableVersion;

    public FakeKernel(FakeRun run, FakeMachineOptions options)
    {
        _run = run;
        Physical = new FakePhysicalMemory(options);
        Tables = new PageTables(Physical, options.Paging);
        AddressLimit = options.Paging == FakePaging.FiveLevel ? 1ul << 56 : 1ul << 47; // the lower half of canonical addresses: Intel SDM vol. 1, section 3.3.7.1
        _firstPage = (options.Paging == FakePaging.FiveLevel ? FirstAddress5 : FirstAddress) >> GuestPage.Shift;
        _nextPage = _firstPage;
    }

    public FakePhysicalMemory Physical { get; }

    public PageTables Tables { get; }

    /// <summary>The buffers and windows that the program has at this moment.</summary>
    public List<FakeGuestBuffer> Buffers { get; } = [];

    /// <summary>The first address that no process has.</summary>
    public ulong AddressLimit { get; }

    public FakeMapping? Find(ulong page) => _space.Find(page);

    /// <summary>Whether an address was part of a mapping that is gone.</summary>
    public bool WasMapped(ulong page) => page >= _firstPage && page < _nextPage && _space.Find(page) is null && _space.Find(page - 1) is null
        && !_gaps.Exists(gap => page >= gap.First && page < gap.End);

    /// <summary>Finds room for a mapping; its pages are in no frame yet.</summary>
    public FakeMapping? Reserve(long length, int pageOffset, FakeMappingKind kind, int buffer)
    {
        ulong pages = (ulong)GuestPage.Count(new GuestVirtualAddress((ulong)pageOffset), length);
        ulong alignment = pages >= PagesOf1GiB ? PagesOf1GiB : pages >= PagesOf2MiB ? PagesOf2MiB : 1ul;
        ulong first = (_nextPage + alignment - 1) & ~(alignment - 1);
        ulong next = first + pages + 1; // one page of nobody behind it
        if (next > AddressLimit >> GuestPage.Shift)
        {
            return null;
        }

        if (first != _nextPage)
        {
            _gaps.Add((_nextPage, first));
        }

        _nextPage = next;
        return new FakeMapping(new GuestVirtualAddress((first << GuestPage.Shift) + (ulong)pageOffset), length, kind, buffer);
    }

    /// <summary>Makes a mapping reachable.</summary>
    public void Add(FakeMapping mapping, Memory<byte> bytes)
    {
        mapping.Map(bytes);
        _space.Add(mapping);
    }

    /// <summary>Puts each page of a mapping into a frame of its own.</summary>
    public void PlaceScattered(FakeMapping mapping)
    {
        for (int page = 0; page < mapping.PageCount; page++)
        {
            Entry(mapping, page) = Present(Physical.Put(mapping, page));
        }
    }

    /// <summary>Puts the pages of a mapping into frames in a row, with the largest pages that fit.</summary>
    public void PlaceContiguous(FakeMapping mapping, ulong run)
    {
        int page = 0;
        while (page < mapping.PageCount)
        {
            ulong frame = run + (ulong)page;
            int level = Fits(PagesOf1GiB) ? 3 : Fits(PagesOf2MiB) ? 2 : 1;
            int pages = level == 3 ? PagesOf1GiB : level == 2 ? PagesOf2MiB : 1;
            Tables.GetOrAddEntry(Address(mapping, page), level) = Present(frame) | (level > 1 ? PageTableEntry.PageSize : 0);
            Physical.Put(mapping, page, frame, pages);
            page += pages;

            bool Fits(int size) => mapping.PageCount - page >= size && frame % (ulong)size == 0 && (mapping.FirstPage + (ulong)page) % (ulong)size == 0;
        }
    }

    /// <summary>Maps guest-physical addresses as they are.</summary>
    public void PlaceAt(FakeMapping mapping, ulong frame)
    {
        for (int page = 0; page < mapping.PageCount; page++)
        {
            Entry(mapping, page) = Present(frame + (ulong)page);
        }
    }

    /// <summary>What the program's write to some pages makes the kernel do: they are present and the program's own afterwards, but for those that are just being moved.</summary>
    public void Touch(FakeMapping mapping, int first, int count)
    {
        int end = first + count;
        for (int page = first; page < end; page++)
        {
            ref ulong entry = ref Leaf(mapping, page, out int pages);
            if ((entry & PresentWritable) == PresentWritable)
            {
                entry |= Touched;
                page += pages - 1 - (int)((mapping.FirstPage + (ulong)page) % (ulong)pages);
            }
            else if (mapping.IsMapped)
            {
                BringIn(mapping, page, ref Entry(mapping, page), isWrite: true);
            }
        }
    }

    /// <summary>What the program's read of a page makes the kernel do: one that was never touched becomes the zero page.</summary>
    public void Load(FakeMapping mapping, int page)
    {
        if ((Read(mapping, page) & PageTableEntry.Present) != 0)
        {
            return;
        }

        ref ulong entry = ref Entry(mapping, page);
        if (entry == 0)
        {
            entry = ((Private & ~PageTableEntry.Writable) | PageTableEntry.Accessed) + (FakePhysicalMemory.ZeroFrame << GuestPage.Shift);
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
        ulong entry = Read(mapping, page);

        // A page under migration reads as swapped, and one of NUMA balancing as present: measured on Linux 6.18; Documentation/admin-guide/mm/pagemap.rst, pte_present().
        return PageTableEntry.IsSwapped(entry) || PageTableEntry.IsMigrating(entry) ? GuestPage.SwappedOut
            : entry == 0 ? default
            : hideFrames ? GuestPage.Hidden
            : GuestPage.InFrame(new GuestFrameNumber(PageTableEntry.Frame(entry)));
    }

    /// <summary>Whether the pages lie in frames in a row.</summary>
    public bool AreContiguous(FakeMapping mapping, int first, int count)
    {
        ulong expected = PageTableEntry.Frame(Read(mapping, first));
        for (int page = first; page < first + count; page++, expected++)
        {
            ulong entry = Read(mapping, page);
            if ((entry & PageTableEntry.Present) == 0 || PageTableEntry.Frame(entry) != expected)
            {
                return false;
            }
        }

        return true;
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
        ref ulong entry = ref Entry(mapping, page);
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
        ref ulong entry = ref Entry(mapping, page);
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
        ref ulong entry = ref Entry(mapping, page);
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
        ref ulong entry = ref Entry(mapping, page);
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
    public void HideFromUser(FakeMapping mapping, int page) => Entry(mapping, page) &= ~PageTableEntry.User;

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
        isSpurious = (Read(mapping, page) & needed) == needed;
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

    public void Unmap(FakeMapping mapping)
    {
        mapping.Unmap();
        _space.Remove();
        for (int page = 0; page < mapping.PageCount; page++)
        {
            ref ulong entry = ref Tables.FindEntry(Address(mapping, page), out int level);
            if (Unsafe.IsNullRef(ref entry))
            {
                continue;
            }

            int pages = level == 3 ? PagesOf1GiB : level == 2 ? PagesOf2MiB : 1;
            if ((entry & PageTableEntry.Present) != 0 || PageTableEntry.IsDropped(entry) || PageTableEntry.IsMigrating(entry))
            {
                for (ulong i = 0; i < (ulong)pages; i++)
                {
                    Physical.Retire(PageTableEntry.Frame(entry) + i);
                }
            }

            if (_absentWalks.Count != 0)
            {
                _ = _absentWalks.Remove((mapping, page));
            }

            entry = 0;
            page += pages - 1;
        }
    }

    /// <summary>A page's entry as 4 KiB pages would have it.</summary>
    public ulong Read(FakeMapping mapping, int page)
    {
        ulong address = Address(mapping, page);
        if (Table(address) is { } table)
        {
            return table[PageTableEntry.Index(address, 1)];
        }

        ref ulong entry = ref Tables.FindEntry(address, out int level);
        return Unsafe.IsNullRef(ref entry) ? 0
            : level == 1 ? entry
            : (entry & ~PageTableEntry.PageSize) + (address & ((level == 3 ? (ulong)PagesOf1GiB : PagesOf2MiB) - 1 << GuestPage.Shift));
    }

    /// <summary>The page table of an address, if it is mapped by 4 KiB pages.</summary>
    public ulong[]? Table(ulong address)
    {
        ulong key = address >> 21;
        if (_table is null || _tableKey != key || _tableVersion != Tables.Version)
        {
            _table = Tables.FindLeafTable(address);
            _tableKey = key;
            _tableVersion = Tables.Version;
        }

        return _table;
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

    private static ulong Address(FakeMapping mapping, int page) => (mapping.FirstPage + (ulong)page) << GuestPage.Shift;

    private static ulong Present(ulong frame) => Private | Touched | (frame << GuestPage.Shift);

    /// <summary>The entry of a page, which can be changed: a larger page is split first.</summary>
    private ref ulong Entry(FakeMapping mapping, int page)
    {
        ulong address = Address(mapping, page);
        if (Table(address) is { } table)
        {
            return ref table[PageTableEntry.Index(address, 1)];
        }

        ref ulong entry = ref Tables.FindEntry(address, out int level);
        while (!Unsafe.IsNullRef(ref entry) && level > 1 && entry != 0)
        {
            Split(address, ref entry, level);
            entry = ref Tables.FindEntry(address, out level);
        }

        return ref Tables.GetOrAddEntry(address);
    }

    /// <summary>The entry that maps a page, whatever its size, as it is; one that maps none is made.</summary>
    private ref ulong Leaf(FakeMapping mapping, int page, out int pages)
    {
        ulong address = Address(mapping, page);
        pages = 1;
        if (Table(address) is { } table)
        {
            return ref table[PageTableEntry.Index(address, 1)];
        }

        ref ulong entry = ref Tables.FindEntry(address, out int level);
        pages = level == 3 ? PagesOf1GiB : level == 2 ? PagesOf2MiB : 1;
        if (!Unsafe.IsNullRef(ref entry) && entry != 0)
        {
            return ref entry;
        }

        pages = 1;
        return ref Tables.GetOrAddEntry(address);
    }

    private void Split(ulong address, ref ulong entry, int level)
    {
        ulong size = (level == 3 ? (ulong)PagesOf1GiB : PagesOf2MiB) << GuestPage.Shift;
        ulong part = size / PagesOf2MiB;
        ulong start = address & ~(size - 1);
        ulong whole = entry;
        entry = 0;
        for (ulong i = 0; i < PagesOf2MiB; i++)
        {
            ulong smaller = whole + (i * part);
            Tables.GetOrAddEntry(start + (i * part), level - 1) = level == 2 ? smaller & ~PageTableEntry.PageSize : smaller;
        }
    }

    private void FinishMove(FakeMapping mapping, int page)
    {
        if (_absentWalks.Remove((mapping, page)))
        {
            ref ulong entry = ref Entry(mapping, page);
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
        entry = Present(frame);
        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Kernel, $"{why} {Name(mapping, page)}, in frame 0x{frame:x}");
        }
    }
}
