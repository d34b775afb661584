using System.Globalization;

namespace Hypercall.Testing;

/// <summary>
/// The guest's memory from the VMM's side: page walks from CR3, and guest-physical frames. Here the oracles watch.
/// </summary>
/// <remarks>
/// <code>
///   virtual:    points "walk" and "page" -> walk -> bytes         one step for the guest's kernel: a page that was found stays until its bytes are copied
///   physical:   point "map" of each page ... point "page" -> bytes     in between the guest's kernel may do what it likes
/// </code>
/// </remarks>
internal sealed class FakeVmmMemory(FakeRun run, FakeClock clock, FakeKernel kernel, FakeMachineOptions options)
{
    private const byte NoMemory = 0xFF; // what a read finds where nothing answers

    private readonly PageWalker _walker = new(kernel.Physical);

    public PageWalk Walk(FakeCall call, ulong address, PageAccess access)
    {
        clock.CallStep(FakeInjectionPointKind.BeforeWalk, call, FakeAccessContext.Virtual(address));
        lock (run.Gate)
        {
            return WalkNow(call, address, access);
        }
    }

    /// <summary>Copies bytes of one virtual page, one way.</summary>
    /// <returns>Whether the page was there.</returns>
    public bool TryCopyVirtual(FakeCall call, ulong address, Span<byte> bytes, bool isWrite, out PageFaultErrorCode error)
    {
        FakeAccessContext context = FakeAccessContext.Virtual(address);
        clock.CallStep(FakeInjectionPointKind.BeforeWalk, call, context);
        clock.CallStep(FakeInjectionPointKind.BeforePage, call, context);
        error = default;
        if (call.IsGivenUp)
        {
            return false;
        }

        lock (run.Gate)
        {
            // Most walks end in the same page table as the one before.
            ulong entry = kernel.Pages.Table(address) is { } table ? table[PageTableEntry.Index(address, 1)] : 0;
            ulong needed = PageTableEntry.Present | (call.Access.HasFlag(PageAccess.User) ? PageTableEntry.User : 0)
                | (isWrite ? PageTableEntry.Writable | PageTableEntry.Dirty : 0) | PageTableEntry.Accessed;
            ulong frame;
            if ((entry & needed) == needed && !run.IsRecording)
            {
                frame = PageTableEntry.Frame(entry);
            }
            else
            {
                PageWalk walk = WalkNow(call, address, call.Access | (isWrite ? PageAccess.Write : PageAccess.Read));
                if (!walk.IsPresent)
                {
                    error = walk.ErrorCode;
                    return false;
                }

                frame = walk.Address.Frame.Value;
            }

            return TryCopyFrame(call, frame, (int)(address % GuestPage.Size), bytes, isWrite, address);
        }
    }

    /// <summary>Translates one guest-physical page.</summary>
    /// <returns>Whether there is memory.</returns>
    public bool TryMap(FakeCall call, ulong address)
    {
        clock.CallStep(FakeInjectionPointKind.BeforeMap, call, FakeAccessContext.Physical(address));
        if (call.IsGivenUp)
        {
            return false;
        }

        lock (run.Gate)
        {
            bool isThere = call.Personality.MapsHoles || kernel.Physical[address >> GuestPage.Shift].Kind != FrameKind.Hole;
            if (!isThere && run.IsRecording)
            {
                run.Tell(FakeActor.Vmm, string.Create(CultureInfo.InvariantCulture, $"finds no memory at GPA 0x{address:x}"));
            }

            return isThere;
        }
    }

    /// <summary>Copies bytes of one guest-physical page, one way.</summary>
    /// <returns>Whether there is memory, and the VMM goes on.</returns>
    public bool TryCopyPhysical(FakeCall call, ulong address, Span<byte> bytes, bool isWrite)
    {
        clock.CallStep(FakeInjectionPointKind.BeforePage, call, FakeAccessContext.Physical(address));
        if (call.IsGivenUp)
        {
            return false;
        }

        lock (run.Gate)
        {
            return TryCopyFrame(call, address >> GuestPage.Shift, (int)(address % GuestPage.Size), bytes, isWrite, null);
        }
    }

    private PageWalk WalkNow(FakeCall call, ulong address, PageAccess access)
    {
        PageWalk walk = _walker.Walk(kernel.Pages.Tables.Cr3, kernel.Pages.Tables.Paging, address, access);
        if (run.IsRecording)
        {
            run.Tell(FakeActor.Vmm, string.Create(CultureInfo.InvariantCulture, $"walks to 0x{address:x}: {walk}{(walk.IsPresent ? $" in frame {walk.Address.Frame}" : "")}"));
        }

        if (!walk.IsPresent)
        {
            ulong page = address >> GuestPage.Shift;
            if (kernel.Space.WasMapped(page) && !options.AllowStrayAccess)
            {
                run.Fail(
                    FakeOracle.StaleFrame,
                    FakeActor.Guest,
                    string.Create(CultureInfo.InvariantCulture, $"handed over 0x{address:x}, memory that it has freed"),
                    string.Create(CultureInfo.InvariantCulture, $"{call.What} was given the address 0x{address:x} of a buffer that ")
                    + "was freed. On a real machine somebody else has that address by now. Keep the buffer (GuestBuffer, "
                    + "GuestBufferLease) as long as the VMM may use its address.");
            }

            kernel.CountWalk(page);
        }

        return walk;
    }

    private bool TryCopyFrame(FakeCall call, ulong number, int offset, Span<byte> bytes, bool isWrite, ulong? address)
    {
        FakeFrame frame = kernel.Physical[number];
        if (run.IsRecording)
        {
            run.Tell(FakeActor.Vmm, string.Create(CultureInfo.InvariantCulture,
                $"{(isWrite ? "writes" : "reads")} {bytes.Length} byte{(bytes.Length == 1 ? "" : "s")} at GPA 0x{(number << GuestPage.Shift) + (ulong)offset:x}: {Describe(frame)}"));
        }

        switch (frame.Kind)
        {
            case FrameKind.Page when isWrite:
                if (!options.AllowStrayAccess && !IsHandedOver(call, frame, offset, bytes.Length))
                {
                    string page = FakeKernel.Name(frame.Mapping!, frame.Page);
                    run.Fail(
                        FakeOracle.WriteOutside,
                        FakeActor.Vmm,
                        "has written bytes that the guest did not hand over",
                        string.Create(CultureInfo.InvariantCulture, $"{call.What} wrote {bytes.Length} bytes at offset {offset} of {page}")
                        + ", and not all of them were handed over: they belong to something else in the same process. "
                        + "Check the length, and that the function was told the right one.");
                }

                frame.Mapping!.CopyFrom(frame.Page, offset, bytes);
                return true;
            case FrameKind.Page or FrameKind.Shared when !isWrite:
                frame.Mapping!.CopyTo(frame.Page, offset, bytes);
                return true;
            case FrameKind.Hole when call.Personality.MapsHoles:
                if (!isWrite)
                {
                    bytes.Fill(NoMemory);
                }

                return true;
            case FrameKind.Hole:
                return false;
            case FrameKind.Rom when isWrite:
                ulong gpa = (number << GuestPage.Shift) + (ulong)offset;
                string at = address is { } gva ? string.Create(CultureInfo.InvariantCulture, $" (GVA 0x{gva:x})") : "";
                run.Fail(
                    FakeOracle.VmmPanic,
                    FakeActor.Vmm,
                    "panics: the whole machine is down",
                    string.Create(CultureInfo.InvariantCulture, $"{call.What} wrote to GPA 0x{gpa:x}{at}, which the VMM fakes as ROM: ")
                    + "a VMM panics then, and takes the whole machine down. Never hand over an address that your own memory does "
                    + "not have: allocate it (IGuestMemory), pin it, and translate after pinning.");
                return false;
            case FrameKind.Rom:
                bytes.Fill(call.Personality.RomByte);
                return true;
            case FrameKind.Zero or FrameKind.Table when !isWrite:
                kernel.Physical.ReadOthers(number, offset, bytes);
                return true;
            case FrameKind.Stale when !isWrite:
                // What a program does with it decides: one that looks after the call finds out that the page moved.
                kernel.Physical.ReadOthers(number, offset, bytes);
                return true;
        }

        if (options.AllowStrayAccess)
        {
            if (!isWrite)
            {
                kernel.Physical.ReadOthers(number, offset, bytes);
            }

            return true;
        }

        string verb = isWrite ? "wrote to" : "read from";
        if (frame.Kind == FrameKind.Stale)
        {
            run.Fail(
                FakeOracle.StaleFrame,
                FakeActor.Vmm,
                "has overwritten memory of somebody else",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{call.What} {verb} frame 0x{number:x}. Page {frame.Page} of buffer {frame.Buffer} was in it until it was moved, ")
                + "swapped out or freed; by now the frame is somebody else's, whose memory is corrupted. Pin the buffer "
                + "(Residency.Pinned), and translate after pinning, never before.");
        }

        run.Fail(FakeOracle.ForeignFrame, FakeActor.Vmm, $"has {(isWrite ? "overwritten" : "read")} memory of somebody else",
            string.Create(
                CultureInfo.InvariantCulture,
                $"{call.What} {verb} frame 0x{number:x}, {Describe(frame)}. {Advice(frame.Kind)}"));
        return false;
    }

    /// <summary>
    /// Whether the guest has handed bytes over: they lie in a buffer, and, where the call was given a buffer that is marked as in
    /// use, in one that is marked, leased or given to the call in an argument. (A program that marks none may tell the VMM of a
    /// buffer in any way, such as by a pointer in memory.)
    /// </summary>
    private bool IsHandedOver(FakeCall call, FakeFrame frame, int offset, int length)
    {
        FakeMapping mapping = frame.Mapping!;
        if (!mapping.AreHandedOver(frame.Page, offset, length))
        {
            return false;
        }

        if (IsInUse(mapping))
        {
            return true;
        }

        bool isMarked = false;
        IReadOnlyList<RegisterField> arguments = call.Convention.Arguments;
        HypercallRegisters entry = call.Entry;
        for (int i = 0; i < arguments.Count; i++)
        {
            FakeMapping? given = Given(arguments[i].Read(in entry));
            if (given == mapping)
            {
                return true;
            }

            isMarked |= given?.Buffers.Exists(static buffer => buffer is { IsLeased: true, Leases.Count: 0 }) == true;
        }

        return !isMarked;

        // An address of either kind; other words point nowhere, or at worst to a buffer that they excuse.
        FakeMapping? Given(ulong word) => kernel.Find(word >> GuestPage.Shift) ?? kernel.Physical[word >> GuestPage.Shift].Mapping;

        static bool IsInUse(FakeMapping mapping) => mapping.Buffers.Exists(static buffer => buffer.IsLeased);
    }

    private static string Describe(FakeFrame frame) => frame.Kind switch
    {
        FrameKind.Page => FakeKernel.Name(frame.Mapping!, frame.Page),
        FrameKind.Shared => $"{FakeKernel.Name(frame.Mapping!, frame.Page)}, shared with a child (copy-on-write)",
        FrameKind.Stale => string.Create(CultureInfo.InvariantCulture, $"page {frame.Page} of buffer {frame.Buffer} was in it; by now it is somebody else's"),
        FrameKind.Zero => "the page of zeroes that all processes share",
        FrameKind.Table => "a page table of the guest's kernel",
        FrameKind.Rom => "the VMM's own memory, faked as ROM",
        FrameKind.Hole => "no memory",
        _ => "memory of somebody else",
    };

    private static string Advice(FrameKind kind) => kind switch
    {
        FrameKind.Zero => "A page that was only read is the shared zero page: write to it before its address is handed over (GuestBuffer.Touch).",
        FrameKind.Shared => "A fork has made it copy-on-write: pin it (Residency.Pinned), and the child gets a copy of its own.",
        FrameKind.Table => "Nothing that a program hands over lies there.",
        _ => "Neighbouring pages do not lie in neighbouring frames: ask for contiguous memory (Contiguity.Contiguous), or hand over each page (Passing.PageByPage, Passing.FrameList).",
    };
}
