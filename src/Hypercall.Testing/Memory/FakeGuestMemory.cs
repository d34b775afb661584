using System.Diagnostics.CodeAnalysis;

namespace Hypercall.Testing;

/// <summary>
/// The memory of a guest that exists only in this process: real bytes behind made-up addresses, which a VMM reaches only by
/// walking a page table. A test swaps pages out, moves them, and sets the machine's limits.
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
/// Addresses are the same in every run of a program that allocates from one thread. No address and no frame is used twice: a VMM
/// that is given one that was freed, swapped out or moved uses what is somebody else's by now, and an oracle says so
/// (<see cref="FakeOracle"/>).
/// </para>
/// <para>
/// Loads and stores through a span cannot be seen. Taking a span or a memory counts as a write to each of its pages at that
/// moment, and brings swapped pages back; what the program does with it later does not.
/// </para>
/// <para>Safe to use from any number of threads.</para>
/// </remarks>
public sealed class FakeGuestMemory : IGuestMemory
{
    private readonly FakeRun _run;
    private readonly FakeClock _clock;
    private readonly FakeKernel _kernel;
    private readonly FakeLimits _limits;
    private readonly FakeAllocator _allocator;

    /// <summary>Makes a guest's memory without a VMM, for programs that only need <see cref="IGuestMemory"/>.</summary>
    public FakeGuestMemory()
        : this(new FakeRun(FakeMachineOptions.Plain))
    {
    }

    private FakeGuestMemory(FakeRun run)
        : this(run, new FakeKernel(run, FakeMachineOptions.Plain), new FakeLimits(FakeMachineOptions.Plain))
    {
    }

    private FakeGuestMemory(FakeRun run, FakeKernel kernel, FakeLimits limits)
        : this(run, new FakeClock(run, new FakeFaultInjector(run, kernel, limits, FakeMachineOptions.Plain), FakeMachineOptions.Plain), kernel, limits)
    {
    }

    internal FakeGuestMemory(FakeRun run, FakeClock clock, FakeKernel kernel, FakeLimits limits)
    {
        _run = run;
        _clock = clock;
        _kernel = kernel;
        _limits = limits;
        _allocator = new FakeAllocator(run, clock, kernel, limits);
    }

    /// <summary>
    /// Whether pages can be pinned. The default is true; false is a machine without io_uring and without the right to mount a
    /// ramfs.
    /// </summary>
    public bool CanPin { get => _limits.CanPin; set => _limits.CanPin = value; }

    /// <summary>Whether more than one page can be had contiguous. The default is true.</summary>
    public bool CanAllocateContiguous { get => _limits.CanAllocateContiguous; set => _limits.CanAllocateContiguous = value; }

    /// <summary>How much may be locked and pinned at one time, in bytes (RLIMIT_MEMLOCK). The default is no limit.</summary>
    public long LockLimit { get => _limits.LockLimit; set => _limits.LockLimit = value; }

    /// <summary>
    /// Whether the kernel hides frame numbers from the program, as it does without CAP_SYS_ADMIN. The default is false.
    /// </summary>
    public bool HideFrames { get => _limits.HideFrames; set => _limits.HideFrames = value; }

    /// <summary>How much is locked and pinned at this moment, in bytes; a page that is held twice counts once.</summary>
    public long LockedBytes => _limits.LockedBytes;

    /// <summary>
    /// Is told of each buffer that is allocated, before the program has it: the way to the buffers that a library allocates for
    /// itself, such as the page with a function's name. The default is null.
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
        if (!_allocator.TryAllocate(length, options, out buffer, out refusal))
        {
            return false;
        }

        Allocated?.Invoke(buffer);
        return true;
    }

    /// <summary>
    /// Allocates memory as kmalloc gives it to a kernel, and a driver to a process: contiguous, never swapped, never moved. It
    /// counts towards no limit.
    /// </summary>
    /// <param name="length">How many bytes, 1 and more.</param>
    /// <exception cref="GuestMemoryException">There is no such memory.</exception>
    internal GuestBuffer AllocateKernelMemory(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return Told(_allocator.Make(length, FakeMappingKind.Kernel, Residency.Pinned, Contiguity.Contiguous, mapping =>
            _kernel.Pages.PlaceContiguous(mapping, _kernel.Physical.FindRun(mapping.PageCount))));
    }

    /// <summary>
    /// Allocates memory as malloc gives it to a process: no page of it is in any frame before it is touched. For programs that do
    /// without
    /// <see cref="IGuestMemory"/>, which touches what it allocates.
    /// </summary>
    /// <param name="length">How many bytes, 1 and more.</param>
    /// <exception cref="GuestMemoryException">There is no such memory.</exception>
    internal GuestBuffer AllocateUntouched(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return Told(_allocator.Make(length, FakeMappingKind.Process, Residency.Touched, Contiguity.Any, place: null));
    }

    /// <summary>
    /// Maps the first ROM-faked region of the machine into the process, as a program can that maps physical addresses (mem(4)).
    /// </summary>
    /// <param name="length">How many bytes of it, 1 and more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The region is not so long, or the machine has none.</exception>
    public GuestBuffer MapRom(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        PhysicalExtent rom = _kernel.Physical.Rom ?? default;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, rom.Length);
        return Told(_allocator.Make(length, FakeMappingKind.Device, Residency.Touched, Contiguity.Contiguous, mapping =>
        {
            _kernel.Pages.PlaceAt(mapping, rom.Start.Frame.Value);
            mapping.Bytes.Span.Fill(0xFF); // what most VMMs show there
        }));
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The fake gives an array an address of its own, the first time it sees it, that is usually not page-aligned; the same array
    /// has the same address as long as a window onto it is open. Memory of a buffer of this fake is found where the buffer is.
    /// </remarks>
    public bool TryOpenWindow(
        Memory<byte> memory,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentNullException.ThrowIfNull(options);
        return memory.IsEmpty
            ? throw new ArgumentException("There is no window onto no memory: at least one byte is needed.", nameof(memory))
            : _allocator.TryOpen(memory, options, out window, out refusal);
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
        return _allocator.TryOpen(start, length, options, out window, out refusal);
    }

    /// <inheritdoc/>
    public bool TryQueryPages(
        GuestVirtualAddress start,
        long length,
        [NotNullWhen(true)] out GuestPageMap? pages,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        CheckRange(start, length);
        return _allocator.TryQueryPages(start, length, out pages, out refusal);
    }

    /// <summary>
    /// Swaps all pages of a buffer out: a VMM finds none of them, until the program touches them, which brings them into other
    /// frames.
    /// </summary>
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

    /// <summary>
    /// Swaps one page out: a VMM does not find it, until the program touches it, which brings it into another frame.
    /// </summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is locked or pinned: no kernel swaps such a page out.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void SwapOut(GuestBuffer buffer, int page) =>
        Do(buffer, page, "swap out", FakeKernel.RuleAgainstSwapping, (mapping, index) => _kernel.SwapOut(mapping, index));

    /// <summary>
    /// Makes a page absent for some walks of a VMM, as it is while the kernel moves it. Touching it does not help: the kernel may
    /// begin anew at once. Afterwards it is back, in another frame.
    /// </summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <param name="walks">How many walks do not find it, 1 and more. A VMM's access walks each page once, however many bytes of
    /// it it takes.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: no kernel moves such a page.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void MigratePage(GuestBuffer buffer, int page, int walks)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(walks);
        Do(buffer, page, "move", FakeKernel.RuleAgainstMoving, (mapping, index) => _kernel.MigratePage(mapping, index, walks));
    }

    /// <summary>
    /// Moves a page into another frame, as compaction does: its virtual address stays, its physical one is somebody else's. A
    /// swapped page is in no frame, and stays out.
    /// </summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: no kernel moves such a page.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void MigratePage(GuestBuffer buffer, int page) =>
        Do(buffer, page, "move", FakeKernel.RuleAgainstMoving, (mapping, index) => _kernel.MigratePage(mapping, index, walks: 0));

    /// <summary>
    /// Takes a page's entry out of the page table until the program touches it, as NUMA balancing does: the page stays in its
    /// frame, and pagemap says that it is present.
    /// </summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: the kernel leaves such a page mapped.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void DropMapping(GuestBuffer buffer, int page) =>
        Do(buffer, page, "unmap", FakeKernel.RuleAgainstMoving, (mapping, index) => _kernel.Drop(mapping, index));

    /// <summary>
    /// Makes a page copy-on-write, as a fork does: read-only, and its frame shared with the child until the program writes to the
    /// page.
    /// </summary>
    /// <param name="buffer">A buffer or window of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="InvalidOperationException">The page is pinned: the child gets a copy of such a page.</exception>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void WriteProtect(GuestBuffer buffer, int page) =>
        Do(buffer, page, "share", FakeKernel.RuleAgainstMoving, (mapping, index) => _kernel.WriteProtect(mapping, index));

    /// <summary>
    /// Reads from a page as a program does that only reads: one that was never touched becomes the shared zero page, read-only.
    /// </summary>
    /// <param name="buffer">A buffer of this memory.</param>
    /// <param name="page">Which of the pages that the buffer touches, from 0.</param>
    /// <exception cref="ArgumentException">The buffer is not of this memory, or has no such page.</exception>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void Load(GuestBuffer buffer, int page)
    {
        FakeGuestBuffer own = Own(buffer, page);
        _run.ThrowIfFailed();
        _clock.GuestStep(FakeAccessContext.Virtual(own.Address.Value + ((ulong)page << GuestPage.Shift)));
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

    private void CheckRange(GuestVirtualAddress start, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (start.Value >= _kernel.Space.AddressLimit || (ulong)length > _kernel.Space.AddressLimit - start.Value)
        {
            throw new ArgumentOutOfRangeException(nameof(length), length,
                $"The range from {start} leaves the address space of a process, which ends at 0x{_kernel.Space.AddressLimit:x}.");
        }
    }

    private static void RefuseForbidden(string? rule, int page, string what)
    {
        if (rule is not null)
        {
            throw new InvalidOperationException(
                $"No kernel would {what} page {page} of the buffer. {rule} To see this happen, ask for less residency (or set CanPin or LockLimit).");
        }
    }

    private FakeGuestBuffer Told(FakeGuestBuffer buffer)
    {
        Allocated?.Invoke(buffer);
        return buffer;
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
        if (buffer is not FakeGuestBuffer own || !own.BelongsTo(_allocator))
        {
            throw new ArgumentException("The buffer is not of this memory.", nameof(buffer));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(page);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, own.PageCount);
        return own;
    }
}
