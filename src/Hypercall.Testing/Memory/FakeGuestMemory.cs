using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Hypercall.Testing;

/// <summary>
/// The memory of a guest that exists only in this process: real bytes behind made-up addresses, which a VMM reaches only by walking a page
/// table. A test swaps pages out, moves them, and sets the machine's limits.
/// </summary>
/// <remarks>
/// <code>
///   GVA   0x7f0000000000
///         [ buffer: page 0 ][ page 1 ][ page 2 ] gap [ array of the program ] gap [ buffer ] ...
///               |               |         |
///   GPA   ..[ frame ]......[ frame ]..[ frame ]......            below and above 4 GiB, no two of them neighbours,
///                                                                unless contiguous memory was asked for
/// </code>
/// <para>
/// Addresses are the same in every run of a program that allocates from one thread. No address and no frame is used twice: whoever
/// uses one that was freed, swapped out or moved finds nothing there.
/// </para>
/// <para>
/// Loads and stores through a span cannot be seen. Taking a span or a memory counts as a write to each of its pages at that moment, and brings
/// swapped pages back; what the program does with it later does not.
/// </para>
/// <para>Safe to use from any number of threads. A VMM's access takes no lock.</para>
/// </remarks>
public sealed partial class FakeGuestMemory : IGuestMemory
{
    private const ulong FirstAddress = 0x7f00_0000_0000; // where Linux's mmap hands out addresses, more or less
    private const ulong AddressLimit = 1ul << 47;        // the lower half of canonical addresses: Intel SDM vol. 1, section 3.3.7.1

    private readonly object _gate = new();
    private readonly FakeAddressSpace _space = new();
    private readonly FakeFrames _frames = new();
    private readonly ConcurrentDictionary<ulong, FramePage> _owners = new();
    private readonly ConditionalWeakTable<object, FakeMapping> _mappings = [];
    private readonly Dictionary<(FakeMapping Mapping, int Page), int> _absentWalks = [];
    private ulong _nextPage = FirstAddress >> GuestPage.Shift;
    private ulong _arrays;
    private long _lockedBytes;

    /// <summary>Whether pages can be pinned. The default is true; false is a machine without io_uring and without the right to mount a ramfs.</summary>
    public bool CanPin { get; set; } = true;

    /// <summary>Whether more than one page can be had contiguous. The default is true.</summary>
    public bool CanAllocateContiguous { get; set; } = true;

    /// <summary>How much may be locked and pinned at one time, in bytes (RLIMIT_MEMLOCK). The default is no limit.</summary>
    public long LockLimit { get; set; } = long.MaxValue;

    /// <summary>Whether the kernel hides frame numbers from the program, as it does without CAP_SYS_ADMIN. The default is false.</summary>
    public bool HideFrames { get; set; }

    /// <summary>How much is locked and pinned at this moment, in bytes; a page that is held twice counts once.</summary>
    public long LockedBytes => Interlocked.Read(ref _lockedBytes);

    /// <summary>
    /// Is told of each buffer that is allocated, before the program has it: the way to the buffers that a library allocates for itself, such
    /// as the page with a function's name. The default is null.
    /// </summary>
    public Action<GuestBuffer>? Allocated { get; set; }

    /// <inheritdoc/>
    public bool TryAllocate(
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentNullException.ThrowIfNull(options);
        buffer = null;
        if (!TryCreateBytes(length, out byte[]? bytes, out refusal))
        {
            return false;
        }

        lock (_gate)
        {
            int pages = bytes.Length >> GuestPage.Shift;
            if (!TryHold(null, 0, pages, options, out FakeHold? hold, out refusal)
                || !TryPlace(pages, options, out ulong run, out Contiguity contiguity, out refusal)
                || !TryMap(bytes.Length, 0, run, out FakeMapping? mapping, out refusal))
            {
                return false;
            }

            mapping.Map(bytes);
            _space.Add(mapping);
            _mappings.Add(bytes, mapping);
            Apply(mapping, hold);
            buffer = new FakeGuestBuffer(this, mapping, mapping.Start, length, hold, contiguity, FakeBufferKind.Allocation);
        }

        Allocated?.Invoke(buffer);
        return true;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The fake gives an array an address of its own, the first time it sees it, that is usually not page-aligned; the same array has the same address
    /// as long as a window onto it is open. Memory of a buffer of this fake is found where the buffer is.
    /// </remarks>
    public bool TryOpenWindow(
        Memory<byte> memory,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (memory.IsEmpty)
        {
            throw new ArgumentException("There is no window onto no memory: at least one byte is needed.", nameof(memory));
        }

        (object owner, Memory<byte> whole, int offset) = Identify(memory);
        window = null;
        lock (_gate)
        {
            FakeBufferKind kind = FakeBufferKind.ArrayWindow;
            if (_mappings.TryGetValue(owner, out FakeMapping? mapping) && mapping.IsMapped)
            {
                kind = mapping.Windows == 0 ? FakeBufferKind.AddressWindow : FakeBufferKind.ArrayWindow;
            }
            else
            {
                // An array starts after its header, at a multiple of 8, anywhere in a page.
                int pageOffset = 16 + (8 * (int)(_arrays++ * 197 % 500));
                if (!TryMap(whole.Length, pageOffset, 0, out mapping, out refusal))
                {
                    return false;
                }

                mapping.Map(whole);
                _space.Add(mapping);
                _mappings.AddOrUpdate(owner, mapping);
            }

            if (!TryOpen(mapping, mapping.Start + offset, memory.Length, options, kind, out window, out refusal))
            {
                if (kind == FakeBufferKind.ArrayWindow && mapping.Windows == 0)
                {
                    Unmap(mapping);
                }

                return false;
            }

            mapping.Windows += kind == FakeBufferKind.ArrayWindow ? 1 : 0;
            return true;
        }
    }

    /// <inheritdoc/>
    /// <remarks>The range must lie in one buffer or window of this fake; anything else is not mapped here.</remarks>
    public bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        CheckRange(start, length);
        ArgumentNullException.ThrowIfNull(options);
        lock (_gate)
        {
            if (_space.Find(start.Value >> GuestPage.Shift) is { } mapping && start >= mapping.Start
                && length <= mapping.Length - (long)(start.Value - mapping.Start.Value))
            {
                return TryOpen(mapping, start, length, options, FakeBufferKind.AddressWindow, out window, out refusal);
            }
        }

        window = null;
        refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.NotMapped,
            $"The {length} bytes at {start} do not lie in one buffer or window of this fake machine. Only memory that it allocated, or that a window was opened onto, has an address here.");
        return false;
    }

    /// <inheritdoc/>
    public bool TryQueryPages(
        GuestVirtualAddress start,
        long length,
        [NotNullWhen(true)] out GuestPageMap? pages,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        CheckRange(start, length);
        pages = null;
        long count = GuestPage.Count(start, length);
        if (count > Array.MaxLength)
        {
            refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.OutOfMemory, $"The answer has {count} entries, more than an array holds. Ask for parts of the range.");
            return false;
        }

        GuestPage[] entries = new GuestPage[count];
        ulong first = start.Value >> GuestPage.Shift;
        for (long i = 0; i < count; i++)
        {
            ulong page = first + (ulong)i;
            if (_space.Find(page) is { } mapping)
            {
                entries[i] = Describe(Volatile.Read(ref mapping.Entries[(int)(page - mapping.FirstPage)]));
            }
        }

        pages = new GuestPageMap(start, length, entries);
        refusal = null;
        return true;
    }

    /// <summary>Swaps all pages of a buffer out: a VMM finds none of them, until the program touches them, which brings them into other frames.</summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <exception cref="InvalidOperationException">A page is locked or pinned: no kernel swaps such a page out.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void SwapOut(GuestBuffer buffer)
    {
        FakeGuestBuffer own = Own(buffer);
        lock (_gate)
        {
            for (int page = 0; page < own.PageCount; page++)
            {
                RefuseHeld(own, page, Residency.Locked, "swapped out: a lock keeps a page in memory");
            }

            for (int page = 0; page < own.PageCount; page++)
            {
                SwapOut(own.Mapping, own.FirstPage + page);
            }
        }
    }

    /// <summary>Swaps one page out: a VMM does not find it, until the program touches it, which brings it into another frame.</summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is locked or pinned: no kernel swaps such a page out.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void SwapOut(GuestBuffer buffer, int page)
    {
        FakeGuestBuffer own = Own(buffer, page);
        lock (_gate)
        {
            RefuseHeld(own, page, Residency.Locked, "swapped out: a lock keeps a page in memory");
            SwapOut(own.Mapping, own.FirstPage + page);
        }
    }

    /// <summary>
    /// Makes a page absent for some walks of a VMM, as it is while the kernel moves it. Touching it does not help: the kernel may begin anew at
    /// once. Afterwards it is back, in another frame.
    /// </summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <param name="walks">How many walks do not find it, 1 and more. A VMM's access walks each page once, however many bytes of it it takes.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: no kernel moves such a page.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void MakeAbsent(GuestBuffer buffer, int page, int walks)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(walks);
        FakeGuestBuffer own = Own(buffer, page);
        lock (_gate)
        {
            RefuseHeld(own, page, Residency.Pinned, "absent: a page is absent while it moves, and a pin keeps it in its frame");
            int index = own.FirstPage + page;
            Move(own.Mapping, index);
            ref ulong entry = ref own.Mapping.Entries[index];
            _absentWalks[(own.Mapping, index)] = walks;
            Volatile.Write(ref entry, entry | FakePageEntry.AbsentNow);
        }
    }

    /// <summary>Moves a page into another frame, as compaction does: its virtual address stays, its physical one is somebody else's. A swapped page is in no frame, and stays out.</summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: no kernel moves such a page.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void Move(GuestBuffer buffer, int page)
    {
        FakeGuestBuffer own = Own(buffer, page);
        lock (_gate)
        {
            RefuseHeld(own, page, Residency.Pinned, "moved: a pin keeps a page in its frame");
            Move(own.Mapping, own.FirstPage + page);
        }
    }

    internal bool TryReadVirtual(GuestVirtualAddress address, Span<byte> destination, out int done) =>
        TryCopy(address.Value, isVirtual: true, destination, default, out done);

    internal bool TryWriteVirtual(GuestVirtualAddress address, ReadOnlySpan<byte> source, out int done) =>
        TryCopy(address.Value, isVirtual: true, default, source, out done);

    internal bool TryReadPhysical(GuestPhysicalAddress address, Span<byte> destination, out int done) =>
        TryCopy(address.Value, isVirtual: false, destination, default, out done);

    internal bool TryWritePhysical(GuestPhysicalAddress address, ReadOnlySpan<byte> source, out int done) =>
        TryCopy(address.Value, isVirtual: false, default, source, out done);

    internal void Touch(FakeMapping mapping, int first, int count)
    {
        for (int page = first; page < first + count; page++)
        {
            if (!FakePageEntry.IsInFrame(Volatile.Read(ref mapping.Entries[page])))
            {
                lock (_gate)
                {
                    ulong entry = mapping.Entries[page];
                    if (!FakePageEntry.IsInFrame(entry) && mapping.IsMapped)
                    {
                        PutInFrame(mapping, page, _frames.Next(), entry & FakePageEntry.AbsentNow);
                    }
                }
            }
        }
    }

    internal void Release(FakeGuestBuffer buffer, FakeHold? hold)
    {
        lock (_gate)
        {
            FakeMapping mapping = buffer.Mapping;
            if (hold is not null)
            {
                _ = mapping.Holds.Remove(hold);
                _ = Interlocked.Add(ref _lockedBytes, -NewlyHeldBytes(mapping, hold.First, hold.Count));
            }

            if (buffer.Kind == FakeBufferKind.Allocation)
            {
                mapping.Bytes.Span.Clear();
                Unmap(mapping);
            }
            else if (buffer.Kind == FakeBufferKind.ArrayWindow && --mapping.Windows == 0)
            {
                Unmap(mapping);
            }
        }
    }

    private static void CheckRange(GuestVirtualAddress start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (start.Value >= AddressLimit || (ulong)length > AddressLimit - start.Value)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length,
                $"The range from {start} leaves the address space of a process, which ends at 0x{AddressLimit:x}.");
        }
    }

    private static bool TryCreateBytes(long length, [NotNullWhen(true)] out byte[]? bytes, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        long whole = length > Array.MaxLength ? long.MaxValue : (length + GuestPage.Size - 1) & ~(GuestPage.Size - 1L);
        try
        {
            bytes = whole <= Array.MaxLength ? new byte[whole] : null;
        }
        catch (OutOfMemoryException)
        {
            bytes = null;
        }

        refusal = bytes is not null ? null : new GuestMemoryRefusal(GuestMemoryRefusalReason.OutOfMemory,
            $"There are no {length} bytes for the buffer: the fake machine keeps each buffer in one managed array, which this process cannot have. Ask for less.")
        {
            Limit = Array.MaxLength,
            Needed = length,
        };
        return bytes is not null;
    }

    private static (object Owner, Memory<byte> Whole, int Offset) Identify(Memory<byte> memory)
    {
        if (MemoryMarshal.TryGetArray((ReadOnlyMemory<byte>)memory, out ArraySegment<byte> segment))
        {
            return (segment.Array!, segment.Array, segment.Offset);
        }

        return MemoryMarshal.TryGetMemoryManager<byte, MemoryManager<byte>>(memory, out MemoryManager<byte>? manager, out int start, out _)
            ? (manager, manager.Memory, start)
            : throw new ArgumentException("The memory lies in no array and belongs to no MemoryManager.", nameof(memory));
    }

    private static bool AreContiguous(FakeMapping mapping, int first, int count)
    {
        for (int page = first + 1; page < first + count; page++)
        {
            if (FakePageEntry.Frame(mapping.Entries[page]) != FakePageEntry.Frame(mapping.Entries[page - 1]) + 1)
            {
                return false;
            }
        }

        return true;
    }

    private static long NewlyHeldBytes(FakeMapping? mapping, int first, int count)
    {
        if (mapping is null || mapping.Holds.Count == 0)
        {
            return (long)count << GuestPage.Shift;
        }

        long pages = 0;
        for (int page = first; page < first + count; page++)
        {
            pages += mapping.Holds.Exists(hold => hold.Covers(page)) ? 0 : 1;
        }

        return pages << GuestPage.Shift;
    }

    private static void RefuseHeld(FakeGuestBuffer buffer, int page, Residency least, string what)
    {
        int index = buffer.FirstPage + page;
        Residency strongest = buffer.Mapping.Holds.Where(hold => hold.Covers(index)).Select(hold => hold.Residency).DefaultIfEmpty(Residency.Touched).Max();
        if (strongest >= least)
        {
            string asked = least == Residency.Locked ? nameof(Residency.Touched) : $"{nameof(Residency.Locked)} or {nameof(Residency.Touched)}";
            throw new InvalidOperationException(
                $"Page {page} of the buffer is {strongest}, and no kernel would make it {what}. To see this happen, allocate the buffer as {asked} (or set CanPin or LockLimit).");
        }
    }

    private FakeGuestBuffer Own(GuestBuffer buffer, int page = 0)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ObjectDisposedException.ThrowIf(buffer.IsDisposed, buffer);
        if (buffer is not FakeGuestBuffer own || !own.BelongsTo(this))
        {
            throw new ArgumentException("The buffer is not of this memory.", nameof(buffer));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(page);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, own.PageCount);
        return own;
    }

    private GuestPage Describe(ulong entry)
    {
        if (FakePageEntry.IsVisible(entry))
        {
            return HideFrames ? GuestPage.Hidden : GuestPage.InFrame(new GuestFrameNumber(FakePageEntry.Frame(entry)));
        }

        return (entry & FakePageEntry.AbsentNow) == 0 && entry != 0 ? GuestPage.SwappedOut : default;
    }

    /// <summary>Copies page by page, one way: what is not given is empty.</summary>
    private bool TryCopy(ulong address, bool isVirtual, Span<byte> destination, ReadOnlySpan<byte> source, out int done)
    {
        int total = destination.Length + source.Length;
        done = 0;
        while (done < total)
        {
            ulong at = unchecked(address + (ulong)done);
            int offset = (int)(at % GuestPage.Size);
            int length = Math.Min(total - done, GuestPage.Size - offset);
            bool isThere = isVirtual ? TryWalk(at >> GuestPage.Shift, out FramePage page) : _owners.TryGetValue(at >> GuestPage.Shift, out page);
            if (!isThere || !(source.IsEmpty
                ? page.Mapping.TryCopyTo(page.Index, offset, destination.Slice(done, length))
                : page.Mapping.TryCopyFrom(page.Index, offset, source.Slice(done, length))))
            {
                return false;
            }

            done += length;
        }

        return true;
    }

    private bool TryWalk(ulong page, out FramePage found)
    {
        if (_space.Find(page) is { } mapping)
        {
            found = new FramePage(mapping, (int)(page - mapping.FirstPage));
            ulong entry = Volatile.Read(ref mapping.Entries[found.Index]);
            if ((entry & FakePageEntry.AbsentNow) != 0)
            {
                CountWalk(mapping, found.Index);
            }

            return FakePageEntry.IsVisible(entry);
        }

        found = default;
        return false;
    }

    private void CountWalk(FakeMapping mapping, int page)
    {
        lock (_gate)
        {
            if (_absentWalks.TryGetValue((mapping, page), out int left) && left > 1)
            {
                _absentWalks[(mapping, page)] = left - 1;
                return;
            }

            _ = _absentWalks.Remove((mapping, page));
            Volatile.Write(ref mapping.Entries[page], mapping.Entries[page] & ~FakePageEntry.AbsentNow);
        }
    }

    private bool TryOpen(
        FakeMapping mapping,
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        FakeBufferKind kind,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        window = null;
        int first = (int)((start.Value >> GuestPage.Shift) - mapping.FirstPage);
        int count = (int)GuestPage.Count(start, length);
        Touch(mapping, first, count); // before the frames are looked at
        bool isProvable = count == 1 || !HideFrames;
        bool isContiguous = isProvable && AreContiguous(mapping, first, count);
        if (options.Contiguity == Contiguity.Contiguous && !isProvable && !options.AllowNextBest)
        {
            refusal = HiddenFrames();
            return false;
        }

        if (options.Contiguity == Contiguity.Contiguous && !isContiguous && !options.AllowNextBest)
        {
            refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.NotContiguous,
                $"The {count} pages of the memory lie scattered, and memory that exists already is not moved. Allocate contiguous memory, or allow the next best (GuestBufferOptions.AllowNextBest).");
            return false;
        }

        if (!TryHold(mapping, first, count, options, out FakeHold? hold, out refusal))
        {
            return false;
        }

        Apply(mapping, hold);
        Contiguity contiguity = options.Contiguity == Contiguity.Contiguous && isContiguous ? Contiguity.Contiguous : Contiguity.Any;
        window = new FakeGuestBuffer(this, mapping, start, length, hold, contiguity, kind);
        return true;
    }

    /// <summary>Whether pages may be held as asked, or the next best. Changes nothing.</summary>
    private bool TryHold(
        FakeMapping? mapping, int first, int count, GuestBufferOptions options, out FakeHold? hold, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        hold = null;
        refusal = null;
        Residency residency = options.Residency;
        if (residency == Residency.Pinned && !CanPin)
        {
            if (!options.AllowNextBest)
            {
                refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.PinningUnavailable,
                    "Nothing on this fake machine can pin pages (FakeGuestMemory.CanPin is false): it stands for one where io_uring is disabled or blocked and the process may not mount a "
                    + "ramfs. Allow io_uring (kernel.io_uring_disabled, seccomp), run as root, or allow the next best (GuestBufferOptions.AllowNextBest).");
                return false;
            }

            residency = Residency.Locked;
        }

        if (residency >= Residency.Locked)
        {
            long needed = NewlyHeldBytes(mapping, first, count);
            if (needed > LockLimit - _lockedBytes)
            {
                if (!options.AllowNextBest)
                {
                    refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.LockLimit,
                        $"{_lockedBytes} bytes are locked, {needed} more are needed, and the limit is {LockLimit} (RLIMIT_MEMLOCK; here FakeGuestMemory.LockLimit). Raise it (ulimit -l, "
                        + "LimitMEMLOCK= of the unit), free buffers, or allow the next best (GuestBufferOptions.AllowNextBest).")
                    {
                        Limit = LockLimit,
                        Needed = _lockedBytes + needed,
                    };
                    return false;
                }

                residency = Residency.Touched;
            }
        }

        hold = residency == Residency.Touched ? null : new FakeHold(first, count, residency);
        return true;
    }

    private void Apply(FakeMapping mapping, FakeHold? hold)
    {
        if (hold is not null)
        {
            _ = Interlocked.Add(ref _lockedBytes, NewlyHeldBytes(mapping, hold.First, hold.Count));
            mapping.Holds.Add(hold);
        }
    }

    /// <summary>Finds a run of frames, if one is asked for; 0 is none.</summary>
    private bool TryPlace(int pages, GuestBufferOptions options, out ulong run, out Contiguity contiguity, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        run = 0;
        refusal = null;
        contiguity = options.Contiguity;
        if (contiguity == Contiguity.Any)
        {
            return true;
        }

        // One page is contiguous wherever it lies. Of more, the real machine claims it only where it can see the frames.
        if (pages > 1 && HideFrames)
        {
            contiguity = Contiguity.Any;
            refusal = options.AllowNextBest ? null : HiddenFrames();
            return refusal is null;
        }

        run = CanAllocateContiguous || pages == 1 ? _frames.NextRun(pages) : 0;
        if (run == 0)
        {
            contiguity = Contiguity.Any;
            refusal = options.AllowNextBest ? null : new GuestMemoryRefusal(GuestMemoryRefusalReason.NotContiguous,
                $"This fake machine has no {pages} frames in a row (FakeGuestMemory.CanAllocateContiguous): it stands for one where no huge page is free. Reserve huge pages (vm.nr_hugepages), "
                + "ask for one page, or allow the next best (GuestBufferOptions.AllowNextBest).");
        }

        return refusal is null;
    }

    private static GuestMemoryRefusal HiddenFrames() => new(GuestMemoryRefusalReason.FramesHidden,
        "Contiguous memory is claimed only where it can be proved, and this fake machine hides frame numbers (FakeGuestMemory.HideFrames), as Linux does without CAP_SYS_ADMIN. "
        + "Hand the memory over by guest virtual address, which needs no privilege.");

    private bool TryMap(long length, int pageOffset, ulong run, [NotNullWhen(true)] out FakeMapping? mapping, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        GuestVirtualAddress start = new((_nextPage << GuestPage.Shift) + (ulong)pageOffset);
        ulong next = _nextPage + (ulong)GuestPage.Count(start, length) + 1; // one page of nobody behind it
        if (next > AddressLimit >> GuestPage.Shift)
        {
            mapping = null;
            refusal = new GuestMemoryRefusal(GuestMemoryRefusalReason.OutOfMemory,
                "The fake machine has no addresses left: it uses none twice. Make a new machine for each test.");
            return false;
        }

        _nextPage = next;
        mapping = new FakeMapping(start, length);
        for (int page = 0; page < mapping.Entries.Length; page++)
        {
            PutInFrame(mapping, page, run == 0 ? _frames.Next() : run + (ulong)page, 0);
        }

        refusal = null;
        return true;
    }

    private void PutInFrame(FakeMapping mapping, int page, ulong frame, ulong otherBits)
    {
        _owners[frame] = new FramePage(mapping, page);
        Volatile.Write(ref mapping.Entries[page], FakePageEntry.InFrame(frame) | otherBits);
    }

    private void SwapOut(FakeMapping mapping, int page)
    {
        ulong entry = mapping.Entries[page];
        if (FakePageEntry.IsInFrame(entry))
        {
            Volatile.Write(ref mapping.Entries[page], FakePageEntry.SwappedOut | (entry & FakePageEntry.AbsentNow));
            _ = _owners.TryRemove(FakePageEntry.Frame(entry), out _);
        }
    }

    private void Move(FakeMapping mapping, int page)
    {
        ulong entry = mapping.Entries[page];
        if (FakePageEntry.IsInFrame(entry))
        {
            PutInFrame(mapping, page, _frames.Next(), entry & FakePageEntry.AbsentNow);
            _ = _owners.TryRemove(FakePageEntry.Frame(entry), out _);
        }
    }

    private void Unmap(FakeMapping mapping)
    {
        mapping.Unmap();
        _space.Remove();
        for (int page = 0; page < mapping.Entries.Length; page++)
        {
            ulong entry = mapping.Entries[page];
            mapping.Entries[page] = 0;
            _ = FakePageEntry.IsInFrame(entry) && _owners.TryRemove(FakePageEntry.Frame(entry), out _);
            _ = (entry & FakePageEntry.AbsentNow) != 0 && _absentWalks.Remove((mapping, page));
        }
    }

    private readonly record struct FramePage(FakeMapping Mapping, int Index);
}
