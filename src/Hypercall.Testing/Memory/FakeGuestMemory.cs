using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
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
///                                                                unless contiguous memory was asked for; the frames between
///                                                                them belong to somebody else
/// </code>
/// <para>
/// Addresses are the same in every run of a program that allocates from one thread. No address and no frame is used twice: a VMM that is given
/// one that was freed, swapped out or moved uses what is somebody else's by now, and an oracle says so (<see cref="FakeOracle"/>).
/// </para>
/// <para>
/// Loads and stores through a span cannot be seen. Taking a span or a memory counts as a write to each of its pages at that moment, and brings
/// swapped pages back; what the program does with it later does not.
/// </para>
/// <para>Safe to use from any number of threads.</para>
/// </remarks>
public sealed class FakeGuestMemory : IGuestMemory
{
    private readonly FakeRun _run;
    private readonly FakeKernel _kernel;
    private readonly ConditionalWeakTable<object, FakeMapping> _mappings = [];
    private ulong _arrays;
    private int _buffers;
    private long _lockedBytes;

    /// <summary>Makes a guest's memory without a VMM, for programs that only need <see cref="IGuestMemory"/>.</summary>
    public FakeGuestMemory()
        : this(new FakeRun(FakeMachineOptions.Plain), FakeMachineOptions.Plain)
    {
    }

    private FakeGuestMemory(FakeRun run, FakeMachineOptions options)
        : this(run, new FakeKernel(run, options), options)
    {
    }

    internal FakeGuestMemory(FakeRun run, FakeKernel kernel, FakeMachineOptions options)
    {
        _run = run;
        _kernel = kernel;
        CanPin = options.CanPin;
        CanAllocateContiguous = options.CanAllocateContiguous;
        LockLimit = options.LockLimit;
        HideFrames = options.HideFrames;
    }

    /// <summary>Whether pages can be pinned. The default is true; false is a machine without io_uring and without the right to mount a ramfs.</summary>
    public bool CanPin { get; set; }

    /// <summary>Whether more than one page can be had contiguous. The default is true.</summary>
    public bool CanAllocateContiguous { get; set; }

    /// <summary>How much may be locked and pinned at one time, in bytes (RLIMIT_MEMLOCK). The default is no limit.</summary>
    public long LockLimit { get; set; }

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
        _run.ThrowIfFailed();
        _run.GuestStep(FakeAccessContext.Nothing);
        buffer = null;
        lock (_run.Gate)
        {
            int pages = (int)Math.Min(GuestPage.Count(default, length), int.MaxValue);
            if (!TryHold(null, 0, pages, options, out FakeHold? hold, out refusal)
                || !TryFindRun(pages, options, out ulong run, out Contiguity contiguity, out refusal)
                || !TryCreate(length, FakeMappingKind.Process, out FakeMapping? mapping, out refusal))
            {
                return TellRefused(length, refusal);
            }

            if (run == 0)
            {
                _kernel.PlaceScattered(mapping);
            }
            else
            {
                _kernel.PlaceContiguous(mapping, run);
            }

            Apply(mapping, hold);
            buffer = Show(mapping, mapping.Start, length, hold, hold?.Residency ?? Residency.Touched, contiguity, FakeBufferKind.Allocation);
        }

        Allocated?.Invoke(buffer);
        return true;
    }

    /// <summary>Allocates memory as kmalloc gives it to a kernel, and a driver to a process: contiguous, never swapped, never moved. It counts towards no limit.</summary>
    /// <param name="length">How many bytes, 1 and more.</param>
    /// <exception cref="GuestMemoryException">There is no such memory.</exception>
    internal GuestBuffer AllocateKernelMemory(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return Make(length, FakeMappingKind.Kernel, Residency.Pinned, Contiguity.Contiguous, mapping =>
            _kernel.PlaceContiguous(mapping, _kernel.Physical.FindRun(mapping.PageCount)));
    }

    /// <summary>
    /// Allocates memory as malloc gives it to a process: no page of it is in any frame before it is touched. For programs that do without
    /// <see cref="IGuestMemory"/>, which touches what it allocates.
    /// </summary>
    /// <param name="length">How many bytes, 1 and more.</param>
    /// <exception cref="GuestMemoryException">There is no such memory.</exception>
    internal GuestBuffer AllocateUntouched(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return Make(length, FakeMappingKind.Process, Residency.Touched, Contiguity.Any, place: null);
    }

    /// <summary>Maps the first ROM-faked region of the machine into the process, as a program can that maps physical addresses (mem(4)).</summary>
    /// <param name="length">How many bytes of it, 1 and more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The region is not so long, or the machine has none.</exception>
    public GuestBuffer MapRom(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        PhysicalExtent rom = _kernel.Physical.Rom ?? default;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, rom.Length);
        return Make(length, FakeMappingKind.Device, Residency.Touched, Contiguity.Contiguous, mapping =>
        {
            _kernel.PlaceAt(mapping, rom.Start.Frame.Value);
            mapping.Bytes.Span.Fill(0xFF); // what most VMMs show there
        });
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

        _run.ThrowIfFailed();
        _run.GuestStep(FakeAccessContext.Nothing);
        (object owner, Memory<byte> whole, int offset) = Identify(memory);
        window = null;
        lock (_run.Gate)
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
                mapping = _kernel.Reserve(whole.Length, pageOffset, FakeMappingKind.Process, _buffers + 1);
                if (mapping is null)
                {
                    refusal = FakeRefusals.NoAddresses;
                    return false;
                }

                _kernel.Add(mapping, whole);
                _kernel.PlaceScattered(mapping);
                _mappings.AddOrUpdate(owner, mapping);
            }

            if (!TryOpen(mapping, mapping.Start + offset, memory.Length, options, kind, out window, out refusal))
            {
                if (kind == FakeBufferKind.ArrayWindow && mapping.Windows == 0)
                {
                    _kernel.Unmap(mapping);
                }

                return TellRefused(memory.Length, refusal);
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
        _run.ThrowIfFailed();
        _run.GuestStep(FakeAccessContext.Virtual(start.Value));
        lock (_run.Gate)
        {
            if (_kernel.Find(start.Value >> GuestPage.Shift) is { } mapping && start >= mapping.Start
                && length <= mapping.Length - (long)(start.Value - mapping.Start.Value))
            {
                return TryOpen(mapping, start, length, options, FakeBufferKind.AddressWindow, out window, out refusal) || TellRefused(length, refusal);
            }
        }

        window = null;
        refusal = FakeRefusals.NotOneBuffer(start, length);
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
        _run.ThrowIfFailed();
        _run.GuestStep(FakeAccessContext.Virtual(start.Value));
        pages = null;
        long count = GuestPage.Count(start, length);
        if (count > Array.MaxLength)
        {
            refusal = FakeRefusals.TooManyEntries(count);
            return false;
        }

        GuestPage[] entries = new GuestPage[count];
        ulong first = start.Value >> GuestPage.Shift;
        lock (_run.Gate)
        {
            for (int i = 0; i < entries.Length; i++)
            {
                entries[i] = _kernel.Describe(first + (ulong)i, HideFrames);
            }

            if (_run.IsRecording)
            {
                _run.Tell(FakeActor.Guest, string.Create(CultureInfo.InvariantCulture, $"asks where {Plural(count, "page")} at {start} {(count == 1 ? "is" : "are")}: {Summary(entries)}"));
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
        lock (_run.Gate)
        {
            for (int page = 0; page < own.PageCount; page++)
            {
                RefuseForbidden(FakeKernel.RuleAgainstSwapping(own.Mapping, own.FirstPage + page), page, "swap out");
            }

            for (int page = 0; page < own.PageCount; page++)
            {
                _ = _kernel.SwapOut(own.Mapping, own.FirstPage + page);
            }
        }
    }

    /// <summary>Swaps one page out: a VMM does not find it, until the program touches it, which brings it into another frame.</summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is locked or pinned: no kernel swaps such a page out.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void SwapOut(GuestBuffer buffer, int page) =>
        Do(buffer, page, "swap out", FakeKernel.RuleAgainstSwapping, (mapping, index) => _kernel.SwapOut(mapping, index));

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
    public void MigratePage(GuestBuffer buffer, int page, int walks)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(walks);
        Do(buffer, page, "move", FakeKernel.RuleAgainstMoving, (mapping, index) => _kernel.MigratePage(mapping, index, walks));
    }

    /// <summary>Moves a page into another frame, as compaction does: its virtual address stays, its physical one is somebody else's. A swapped page is in no frame, and stays out.</summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: no kernel moves such a page.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void MigratePage(GuestBuffer buffer, int page) =>
        Do(buffer, page, "move", FakeKernel.RuleAgainstMoving, (mapping, index) => _kernel.MigratePage(mapping, index, walks: 0));

    /// <summary>Takes a page's entry out of the page table until the program touches it, as NUMA balancing does: the page stays in its frame, and pagemap says that it is present.</summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: the kernel leaves such a page mapped.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void DropMapping(GuestBuffer buffer, int page) =>
        Do(buffer, page, "unmap", FakeKernel.RuleAgainstMoving, (mapping, index) => _kernel.Drop(mapping, index));

    /// <summary>Makes a page copy-on-write, as a fork does: read-only, and its frame shared with the child until the program writes to the page.</summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: the child gets a copy of such a page.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void WriteProtect(GuestBuffer buffer, int page) =>
        Do(buffer, page, "share", FakeKernel.RuleAgainstMoving, (mapping, index) => _kernel.WriteProtect(mapping, index));

    /// <summary>Reads from a page as a program does that only reads: one that was never touched becomes the shared zero page, read-only.</summary>
    /// <param name="buffer">A buffer of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void Load(GuestBuffer buffer, int page)
    {
        FakeGuestBuffer own = Own(buffer, page);
        _run.ThrowIfFailed();
        _run.GuestStep(FakeAccessContext.Virtual(own.Address.Value + ((ulong)page << GuestPage.Shift)));
        lock (_run.Gate)
        {
            _kernel.Load(own.Mapping, own.FirstPage + page);
        }
    }

    /// <summary>Makes the pages of a buffer the kernel's alone: a program's access would fault.</summary>
    internal void HideFromUser(GuestBuffer buffer)
    {
        FakeGuestBuffer own = Own(buffer);
        lock (_run.Gate)
        {
            for (int page = 0; page < own.PageCount; page++)
            {
                _kernel.HideFromUser(own.Mapping, own.FirstPage + page);
            }
        }
    }

    internal void Touch(FakeGuestBuffer buffer, int first, int count)
    {
        _run.ThrowIfFailed();
        _run.GuestStep(FakeAccessContext.Virtual((buffer.Mapping.FirstPage + (ulong)first) << GuestPage.Shift));
        lock (_run.Gate)
        {
            if (_run.IsRecording)
            {
                _run.Tell(FakeActor.Guest, $"writes to {Plural(count, "page")} of buffer {buffer.Number}, from page {first - buffer.FirstPage}");
            }

            _kernel.Touch(buffer.Mapping, first, count);
        }
    }

    internal void Release(FakeGuestBuffer buffer, FakeHold? hold)
    {
        if (_run.Failure is null)
        {
            _run.FreeStep(FakeAccessContext.Virtual(buffer.Address.Value));
        }

        lock (_run.Gate)
        {
            FakeMapping mapping = buffer.Mapping;
            if (_run.IsRecording && _run.Failure is null)
            {
                _run.Tell(FakeActor.Guest, $"frees buffer {buffer.Number}");
            }

            if (hold is not null)
            {
                _ = mapping.Holds.Remove(hold);
                _ = Interlocked.Add(ref _lockedBytes, -NewlyHeldBytes(mapping, hold.First, hold.Count));
            }

            _ = mapping.Buffers.Remove(buffer);
            _ = _kernel.Buffers.Remove(buffer);
            if (buffer.Kind == FakeBufferKind.Allocation)
            {
                mapping.Bytes.Span.Clear();
                _kernel.Unmap(mapping);
            }
            else if (buffer.Kind == FakeBufferKind.ArrayWindow && --mapping.Windows == 0)
            {
                _kernel.Unmap(mapping);
            }
        }
    }

    private void CheckRange(GuestVirtualAddress start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (start.Value >= _kernel.AddressLimit || (ulong)length > _kernel.AddressLimit - start.Value)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length,
                $"The range from {start} leaves the address space of a process, which ends at 0x{_kernel.AddressLimit:x}.");
        }
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

    private static void RefuseForbidden(string? rule, int page, string what)
    {
        if (rule is not null)
        {
            throw new InvalidOperationException(
                $"No kernel would {what} page {page} of the buffer. {rule} To see this happen, ask for less residency (or set CanPin or LockLimit).");
        }
    }

    private static string Plural(long count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    private static string Summary(GuestPage[] entries)
    {
        const int Most = 3;
        IEnumerable<string> first = entries.Take(Most).Select(entry => entry.State == GuestPageState.Present ? $"frame {entry.Frame}" : entry.State.ToString());
        return string.Join(", ", entries.Length > Most ? first.Append("...") : first);
    }

    private void Do(GuestBuffer buffer, int page, string what, Func<FakeMapping, int, string?> rule, Func<FakeMapping, int, bool> act)
    {
        FakeGuestBuffer own = Own(buffer, page);
        lock (_run.Gate)
        {
            RefuseForbidden(rule(own.Mapping, own.FirstPage + page), page, what);
            _ = act(own.Mapping, own.FirstPage + page);
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

    private bool TellRefused(long length, GuestMemoryRefusal refusal)
    {
        if (_run.IsRecording)
        {
            _run.Tell(FakeActor.Kernel, $"does not give the guest {Plural(length, "byte")}: {refusal.Reason}");
        }

        return false;
    }

    /// <summary>Makes a buffer that the kernel has no choice about.</summary>
    private FakeGuestBuffer Make(long length, FakeMappingKind kind, Residency residency, Contiguity contiguity, Action<FakeMapping>? place)
    {
        _run.ThrowIfFailed();
        _run.GuestStep(FakeAccessContext.Nothing);
        FakeGuestBuffer buffer;
        lock (_run.Gate)
        {
            if (!TryCreate(length, kind, out FakeMapping? mapping, out GuestMemoryRefusal? refusal))
            {
                throw new GuestMemoryException(refusal);
            }

            place?.Invoke(mapping);
            buffer = Show(mapping, mapping.Start, length, hold: null, residency, contiguity, FakeBufferKind.Allocation);
        }

        Allocated?.Invoke(buffer);
        return buffer;
    }

    private FakeGuestBuffer Show(
        FakeMapping mapping, GuestVirtualAddress start, long length, FakeHold? hold, Residency residency, Contiguity contiguity, FakeBufferKind kind)
    {
        FakeGuestBuffer buffer = new(this, mapping, ++_buffers, start, length, hold, residency, contiguity, kind);
        mapping.Buffers.Add(buffer);
        _kernel.Buffers.Add(buffer);
        if (_run.IsRecording)
        {
            string verb = kind == FakeBufferKind.Allocation ? "allocates" : "opens";
            _run.Tell(FakeActor.Guest, $"{verb} buffer {buffer.Number}: {Plural(length, "byte")} at {start}, {residency}{(contiguity == Contiguity.Contiguous ? ", contiguous" : "")}, {Plural(buffer.PageCount, "page")}");
        }

        return buffer;
    }

    /// <summary>Memory that the fake itself allocates, whole pages of it, in no frame yet.</summary>
    private bool TryCreate(long length, FakeMappingKind kind, [NotNullWhen(true)] out FakeMapping? mapping, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        mapping = null;
        long whole = length > Array.MaxLength ? long.MaxValue : (length + GuestPage.Size - 1) & ~(GuestPage.Size - 1L);
        byte[]? bytes = null;
        try
        {
            bytes = whole <= Array.MaxLength ? new byte[whole] : null;
        }
        catch (OutOfMemoryException)
        {
            // said below
        }

        if (bytes is null)
        {
            refusal = FakeRefusals.NoBytes(length);
            return false;
        }

        mapping = _kernel.Reserve(whole, pageOffset: 0, kind, _buffers + 1);
        refusal = mapping is null ? FakeRefusals.NoAddresses : null;
        if (mapping is not null)
        {
            _kernel.Add(mapping, bytes);
            _mappings.Add(bytes, mapping);
        }

        return refusal is null;
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
        if (options.Residency == Residency.Pinned)
        {
            _kernel.FinishMoves(mapping, first, count); // a pin waits for a page that is just being moved
        }

        _kernel.Touch(mapping, first, count); // before the frames are looked at
        bool isProvable = count == 1 || !HideFrames;
        bool isContiguous = isProvable && _kernel.AreContiguous(mapping, first, count);
        if (options.Contiguity == Contiguity.Contiguous && !isContiguous && !options.AllowFallback)
        {
            refusal = isProvable ? FakeRefusals.Scattered(count) : FakeRefusals.HiddenFrames;
            return false;
        }

        if (!TryHold(mapping, first, count, options, out FakeHold? hold, out refusal))
        {
            return false;
        }

        Apply(mapping, hold);
        Contiguity contiguity = options.Contiguity == Contiguity.Contiguous && isContiguous ? Contiguity.Contiguous : Contiguity.Any;
        window = Show(mapping, start, length, hold, hold?.Residency ?? Residency.Touched, contiguity, kind);
        return true;
    }

    /// <summary>Whether pages may be held as asked, or a fallback. Changes nothing.</summary>
    private bool TryHold(
        FakeMapping? mapping, int first, int count, GuestBufferOptions options, out FakeHold? hold, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        hold = null;
        refusal = null;
        Residency residency = options.Residency;
        if (residency == Residency.Pinned && !CanPin)
        {
            refusal = FakeRefusals.CannotPin;
            residency = Residency.Locked;
        }

        long needed = residency >= Residency.Locked ? NewlyHeldBytes(mapping, first, count) : 0;
        if (needed > LockLimit - _lockedBytes && (refusal is null || options.AllowFallback))
        {
            refusal = FakeRefusals.OverLockLimit(_lockedBytes, needed, LockLimit);
            residency = Residency.Touched;
        }

        if (refusal is not null && !options.AllowFallback)
        {
            return false;
        }

        refusal = null;
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
    private bool TryFindRun(int pages, GuestBufferOptions options, out ulong run, out Contiguity contiguity, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        run = 0;
        refusal = null;
        contiguity = options.Contiguity;
        if (contiguity == Contiguity.Any)
        {
            return true;
        }

        // One page is contiguous wherever it lies. Of more, the real machine claims it only where it can see the frames.
        bool isProvable = pages == 1 || !HideFrames;
        run = isProvable && (CanAllocateContiguous || pages == 1) ? _kernel.Physical.FindRun(pages) : 0;
        if (run == 0)
        {
            contiguity = Contiguity.Any;
            refusal = options.AllowFallback ? null : isProvable ? FakeRefusals.NoRun(pages) : FakeRefusals.HiddenFrames;
        }

        return refusal is null;
    }
}
