using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

/// <summary>Guest memory on Linux.</summary>
/// <remarks>
/// <code>
///   map -> keep out of dumps and forks -> touch -> (contiguous? ask the page map) -> lock | pin -> (contiguous? ask again)
/// </code>
/// Pinned after touching, because a pin of an absent page is a pin of nothing; asked again after pinning, because the act of
/// pinning may move a page (out of CMA, out of ZONE_MOVABLE).
/// </remarks>
internal sealed class LinuxGuestMemory(ILogger logger, PinningMechanism pinning, LinuxDescriptors descriptors) : IPlatformMemory
{
    private const long HugePage = 2 << 20;
    private const long GiantPage = 1 << 30;

    private int _toldOfAdvice;

    public bool TryAllocate(
        long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        MemoryFallback.TryGet(
            length,
            options,
            logger,
            (Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why) => TryAllocate(length, residency, contiguity, out why),
            out buffer,
            out refusal);

    public bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        MemoryHandle handle,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        LinuxWindow held = new(start, length, handle);
        return MemoryFallback.TryGet(
            held,
            length,
            options,
            logger,
            (Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why) =>
            {
                why = ClaimWindow(start, length, residency, out MemoryClaim claim);
                using (claim)
                {
                    why ??= held.Touch() ?? Hold(held, residency);
                }

                why ??= contiguity == Contiguity.Contiguous && GuestPage.Count(start, length) > 1 ? Prove(start, length) : null;
                if (why is null)
                {
                    return new NativeGuestBuffer(start, length, residency, contiguity, held, this, logger);
                }

                held.LetGo();
                why = why is { Reason: GuestMemoryRefusalReason.NotContiguous, Limit: { } run } ? LinuxRefusals.WindowNotContiguous(length, run) : why;
                return null;
            },
            out window,
            out refusal);
    }

    public bool TryQueryPages(
        GuestVirtualAddress start, long length, [NotNullWhen(true)] out GuestPageMap? pages, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        long count = GuestPage.Count(start, length);
        if (count > PageMapReader.MostPages)
        {
            pages = null;
            refusal = LinuxRefusals.TooManyPages(count, PageMapReader.MostPages);
            return false;
        }

        // Entries become frames where they lie: a gigabyte has two megabytes of them, and fresh memory is not cheap.
        try
        {
            GuestFrameNumber[] frames = GC.AllocateUninitializedArray<GuestFrameNumber>((int)count);
            Span<GuestPage> entries = MemoryMarshal.Cast<GuestFrameNumber, GuestPage>(frames.AsSpan());
            refusal = descriptors.PageMap.TryRead(start, entries);
            pages = refusal is not null ? null
                : PageMapReader.TryTakeFrames(entries, frames) ? new GuestPageMap(start, length, frames)
                : new GuestPageMap(start, length, entries.ToArray());
            return refusal is null;
        }
        catch (OutOfMemoryException)
        {
            pages = null;
            refusal = LinuxRefusals.NoRoomForAnswer(count);
            return false;
        }
    }

    public void CloseDescriptors() => descriptors.Close();

    private NativeGuestBuffer? TryAllocate(long length, Residency residency, Contiguity contiguity, out GuestMemoryRefusal? refusal)
    {
        if ((ulong)length > PageSpan.UserSpaceEnd)
        {
            refusal = LinuxRefusals.TooLong(length);
            return null;
        }

        bool prove = contiguity == Contiguity.Contiguous && length > GuestPage.Size;
        NativeGuestBuffer? buffer = residency == Residency.Pinned ? TryAllocatePinned(length, contiguity, prove, out Setback? setback)
            : prove ? TryAllocateContiguous(length, residency, out setback)
            : TryAllocate(length, residency, contiguity, LinuxMapping.Pages, prove: false, out setback);
        refusal = setback?.Refusal;
        return buffer;
    }

    private NativeGuestBuffer? TryAllocatePinned(long length, Contiguity contiguity, bool prove, out Setback? setback)
    {
        string ring = "io_uring: not tried, because PinningMechanism.RamFs was asked for";
        GuestMemoryRefusalReason reason = GuestMemoryRefusalReason.PinningUnavailable;
        if (pinning != PinningMechanism.RamFs)
        {
            NativeGuestBuffer? buffer = prove
                ? TryAllocateContiguous(length, Residency.Pinned, out setback)
                : TryAllocate(length, Residency.Pinned, contiguity, LinuxMapping.Pages, prove: false, out setback);
            if (buffer is not null || !setback!.NextPin)
            {
                return buffer;
            }

            (ring, reason) = (setback.Why, setback.Refusal.Reason);
        }

        string? notTried = pinning == PinningMechanism.IoUring ? "PinningMechanism.IoUring was asked for"
            : descriptors.RamFs.MayTry ? null
            : "the process has no CAP_SYS_ADMIN";
        if (notTried is not null)
        {
            setback = new Setback(LinuxRefusals.Pinning(reason, ring, $"ramfs: not tried, because {notTried}"), ring);
            return null;
        }

        NativeGuestBuffer? fromRamFs = TryAllocate(length, Residency.Pinned, contiguity, LinuxMapping.RamFs, prove, out setback);
        if (setback is not null)
        {
            setback = setback with { Refusal = LinuxRefusals.AfterRing(ring, reason, setback, length) };
        }

        return fromRamFs;
    }

    private NativeGuestBuffer? TryAllocateContiguous(long length, Residency residency, out Setback? setback)
    {
        long best = GuestPage.Size;
        GuestMemoryRefusal? limit = null;
        List<(LinuxMapping Kind, string Why)> tried = [];
        LinuxMapping[] kinds = length is > HugePage and <= GiantPage
            ? [LinuxMapping.HugePages, LinuxMapping.TransparentHugePages, LinuxMapping.GiantPages]
            : [LinuxMapping.HugePages, LinuxMapping.TransparentHugePages];
        foreach (LinuxMapping kind in kinds)
        {
            NativeGuestBuffer? buffer = TryAllocate(length, residency, Contiguity.Contiguous, kind, prove: true, out setback);
            if (buffer is not null || !setback!.NextPages)
            {
                return buffer; // or the next kind would meet the same limit
            }

            best = Math.Max(best, setback.Refusal is { Reason: GuestMemoryRefusalReason.NotContiguous, Limit: { } run } ? run : 0);
            limit ??= setback.Refusal is { Reason: GuestMemoryRefusalReason.OutOfMemory, Limit: not null } ? setback.Refusal : null;
            tried.Add((kind, setback.Why));
        }

        // Where a limit kept the kernel from being asked, and no pages were had, it is what can be mended; the other ways are
        // told after it.
        setback = new Setback(
            best == GuestPage.Size && limit is not null
                ? limit with { Message = $"{limit.Message} Tried: {Ways(tried.Where(way => way.Why != limit.Message))}." }
                : LinuxRefusals.NotContiguous(length, best, Ways(tried)),
            "not contiguous");
        return null;

        string Ways(IEnumerable<(LinuxMapping Kind, string Why)> ways) =>
            string.Join("; ", ways.Select(way => $"{Name(way.Kind)}: {way.Why}{PoolLimit(way.Kind, length)}"));
    }

    private NativeGuestBuffer? TryAllocate(long length, Residency residency, Contiguity contiguity, LinuxMapping kind, bool prove, out Setback? setback)
    {
        MemoryDemand demand = MemoryDemand.Of(kind, (long)LinuxAllocation.MappedLength(length, kind), residency);
        if (MemoryBudget.Process.TryClaim(length, demand, out MemoryClaim claim) is { } refusal)
        {
            setback = new Setback(refusal, refusal.Message, NextPages: true); // other pages come out of another budget
            return null;
        }

        LinuxAllocation? allocation;
        using (claim)
        {
            allocation = TryTake(length, residency, kind, prove, out setback);
        }

        if (allocation is null)
        {
            return null;
        }

        Tell(allocation); // a logger may do anything, and nobody should wait for it
        return new NativeGuestBuffer(allocation.Address, length, residency, contiguity, allocation, this, logger);
    }

    private LinuxAllocation? TryTake(long length, Residency residency, LinuxMapping kind, bool prove, out Setback? setback)
    {
        LinuxAllocation? allocation = LinuxAllocation.TryMap(length, kind, descriptors.RamFs, out PinFailure failure);
        if (allocation is null)
        {
            setback = Failed(failure, new PageSpan(0, (nuint)length));
            return null;
        }

        bool done = false;
        try
        {
            // mlock writes to each page of a private mapping itself, and a page that is born locked costs a third less than one
            // that is locked later.
            bool lockFirst = residency == Residency.Locked && !prove;
            setback = lockFirst ? Hold(allocation, residency) : null;
            setback ??= allocation.TryTouch(out failure) ? null : Failed(failure, allocation.Pages);
            if (setback is null && prove)
            {
                setback = ProveAllocation(allocation.Address, length);
                if (setback is { NextPages: true } && kind == LinuxMapping.TransparentHugePages)
                {
                    allocation.Collapse();
                    setback = ProveAllocation(allocation.Address, length);
                }
            }

            setback ??= lockFirst ? null : Hold(allocation, residency);
            setback ??= prove ? ProveAllocation(allocation.Address, length) : null;
            if (setback is not null)
            {
                return null;
            }

            done = true;
            return allocation;
        }
        finally
        {
            if (!done)
            {
                allocation.Discard();
            }
        }
    }

    // Pages that are there already take no more memory: which, is looked up only where it matters.
    private GuestMemoryRefusal? ClaimWindow(GuestVirtualAddress start, long length, Residency residency, out MemoryClaim claim)
    {
        PageSpan pages = PageSpan.Of(start, length);
        long all = (long)pages.Length;
        GuestMemoryRefusal? refusal = MemoryBudget.Process.TryClaim(all, MemoryDemand.OfWindow(all, residency), out claim);
        if (refusal is null || WindowDemand.Missing(pages, descriptors.PageMap) is not { } missing || missing == all)
        {
            return refusal;
        }

        return MemoryBudget.Process.TryClaim(missing, MemoryDemand.OfWindow(missing, residency), out claim);
    }

    // Once: where one buffer is not kept out, none is.
    private void Tell(LinuxAllocation allocation)
    {
        if (allocation.NotAdvised != default && Interlocked.Exchange(ref _toldOfAdvice, 1) == 0)
        {
            GuestMemoryLog.NotExcluded(logger, allocation.ExcludedFrom, allocation.NotAdvised.ToString());
        }
    }

    private static Setback Failed(PinFailure failure, PageSpan pages) =>
        new(LinuxRefusals.Of(failure, pages), failure.ToString(), NextPages: ErrnoTable.Of(failure).NextWay);

    private static string PoolLimit(LinuxMapping kind, long length) => kind switch
    {
        LinuxMapping.HugePages => HugeTlbCgroup.Describe("2MB", (long)LinuxAllocation.MappedLength(length, kind)),
        LinuxMapping.GiantPages => HugeTlbCgroup.Describe("1GB", (long)LinuxAllocation.MappedLength(length, kind)),
        _ => "",
    };

    private Setback? Hold(LinuxAllocation allocation, Residency residency)
    {
        if (residency == Residency.Locked)
        {
            return allocation.Lock() is { } refusal ? new Setback(refusal, refusal.Message) : null;
        }

        return residency == Residency.Touched || allocation.Kind == LinuxMapping.RamFs || allocation.TryPin(descriptors.Pins, out PinFailure failure)
            ? null
            : new Setback(LinuxRefusals.Of(failure, allocation.Pages), failure.ToString(), NextPin: ErrnoTable.Of(failure).NextWay);
    }

    private Setback? ProveAllocation(GuestVirtualAddress start, long length) => Prove(start, length) is { } refusal
        ? refusal is { Reason: GuestMemoryRefusalReason.NotContiguous, Limit: { } run }
            ? new Setback(refusal, string.Create(CultureInfo.InvariantCulture, $"broke after {run} bytes"), NextPages: true)
            : new Setback(refusal, refusal.Message)
        : null;

    private static string Name(LinuxMapping kind) => kind switch
    {
        LinuxMapping.HugePages => "huge pages of the pool",
        LinuxMapping.GiantPages => "a 1 GiB page of the pool",
        _ => "transparent huge pages",
    };

    private GuestMemoryRefusal? Hold(LinuxWindow window, Residency residency)
    {
        switch (residency)
        {
            case Residency.Touched:
                return null;
            case Residency.Locked:
                return window.Lock();
            default:
                if (pinning == PinningMechanism.RamFs)
                {
                    return LinuxRefusals.WindowByRamFs;
                }

                return window.TryPin(descriptors.Pins, out PinFailure failure) ? null : LinuxRefusals.WindowNotPinnable(failure, window.Pages);
        }
    }

    private GuestMemoryRefusal? Prove(GuestVirtualAddress start, long length)
    {
        if (!TryQueryPages(start, length, out GuestPageMap? map, out GuestMemoryRefusal? refusal) || !map.TryGetPagedRange(out PagedRange? range, out refusal))
        {
            return LinuxRefusals.CannotProve(refusal);
        }

        long run = range.ContiguousLength;
        return run == length ? null : LinuxRefusals.NotContiguous(length, run, "as mapped");
    }
}
