using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Hypercall.Native.Interop;
using Microsoft.Extensions.Logging;

namespace Hypercall.Native;

/// <summary>Guest memory on Linux.</summary>
/// <remarks>
/// <code>
///   map -> keep out of dumps and forks -> touch -> (contiguous? ask the page map) -> lock | pin -> (contiguous? ask again)
/// </code>
/// Pinned after touching, because a pin of an absent page is a pin of nothing; asked again after pinning, because the act of pinning may move a page (out of CMA, out of
/// ZONE_MOVABLE).
/// </remarks>
internal sealed class LinuxGuestMemory(ILogger logger, PinningMechanism pinning, PageMapReader pageMap) : IPlatformMemory
{
    private const long HugePage = 2 << 20;
    private const long GiantPage = 1 << 30;
    private const long WorthCounting = 64 << 20; // below this, memory that is not there would be news to nobody

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
                why = held.Touch() ?? Hold(held, length, residency);
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

        GuestPage[] entries = GC.AllocateUninitializedArray<GuestPage>((int)count);
        refusal = pageMap.TryRead(start, entries);
        pages = refusal is null ? new GuestPageMap(start, length, entries) : null;
        return refusal is null;
    }

    private NativeGuestBuffer? TryAllocate(long length, Residency residency, Contiguity contiguity, out GuestMemoryRefusal? refusal)
    {
        if ((ulong)length > PageSpan.UserSpaceEnd)
        {
            refusal = LinuxRefusals.OutOfMemory(length, "mmap", Errno.ENOMEM);
            return null;
        }

        if (length >= WorthCounting && LinuxProcess.AvailableBytes is { } available)
        {
            available += residency == Residency.Touched ? LinuxProcess.FreeSwapBytes : 0;
            if (length > available)
            {
                refusal = LinuxRefusals.OutOfMemory(length, available);
                return null;
            }
        }

        bool prove = contiguity == Contiguity.Contiguous && length > GuestPage.Size;
        if (residency == Residency.Pinned)
        {
            return TryAllocatePinned(length, contiguity, prove, out refusal);
        }

        return prove
            ? TryAllocateContiguous(length, residency, out refusal)
            : TryAllocate(length, residency, contiguity, LinuxMapping.Pages, prove: false, out refusal, out _);
    }

    private NativeGuestBuffer? TryAllocatePinned(long length, Contiguity contiguity, bool prove, out GuestMemoryRefusal? refusal)
    {
        string ring = "io_uring was not tried";
        if (pinning != PinningMechanism.RamFs)
        {
            PinFailure failure;
            NativeGuestBuffer? buffer = prove
                ? TryAllocateContiguous(length, Residency.Pinned, out refusal, out failure)
                : TryAllocate(length, Residency.Pinned, contiguity, LinuxMapping.Pages, prove: false, out refusal, out failure);
            if (buffer is not null || refusal!.Reason != GuestMemoryRefusalReason.PinningUnavailable || pinning == PinningMechanism.IoUring)
            {
                return buffer;
            }

            ring = failure.ToString();
        }

        NativeGuestBuffer? fromRamFs = TryAllocate(length, Residency.Pinned, contiguity, LinuxMapping.RamFs, prove, out refusal, out PinFailure mount);
        if (fromRamFs is null && mount != default)
        {
            refusal = mount.Error == Errno.ENOMEM
                ? LinuxRefusals.OutOfMemory(length, mount.Call, mount.Error)
                : LinuxRefusals.PinningUnavailable($"{ring}; {mount}");
        }

        return fromRamFs;
    }

    private NativeGuestBuffer? TryAllocateContiguous(long length, Residency residency, out GuestMemoryRefusal? refusal) =>
        TryAllocateContiguous(length, residency, out refusal, out _);

    private NativeGuestBuffer? TryAllocateContiguous(long length, Residency residency, out GuestMemoryRefusal? refusal, out PinFailure failure)
    {
        long best = GuestPage.Size;
        LinuxMapping[] kinds = length <= HugePage ? [LinuxMapping.HugePages, LinuxMapping.TransparentHugePages]
            : length <= GiantPage ? [LinuxMapping.HugePages, LinuxMapping.TransparentHugePages, LinuxMapping.GiantPages]
            : [LinuxMapping.HugePages, LinuxMapping.TransparentHugePages];
        refusal = null;
        failure = default;
        foreach (LinuxMapping kind in kinds)
        {
            NativeGuestBuffer? buffer = TryAllocate(length, residency, Contiguity.Contiguous, kind, prove: true, out GuestMemoryRefusal? why, out failure);
            if (buffer is not null)
            {
                refusal = null;
                return buffer;
            }

            switch (why!.Reason)
            {
                case GuestMemoryRefusalReason.NotContiguous:
                    best = Math.Max(best, why.Limit ?? 0);
                    break;
                case GuestMemoryRefusalReason.OutOfMemory:
                    break;
                default: // the next kind would meet the same limit
                    refusal = why;
                    return null;
            }
        }

        refusal = LinuxRefusals.NotContiguous(
            length, best, "huge pages of the pool, transparent huge pages" + (kinds.Length == 3 ? ", a 1 GiB page of the pool" : ""));
        return null;
    }

    private NativeGuestBuffer? TryAllocate(
        long length,
        Residency residency,
        Contiguity contiguity,
        LinuxMapping kind,
        bool prove,
        out GuestMemoryRefusal? refusal,
        out PinFailure failure)
    {
        LinuxAllocation? allocation = LinuxAllocation.TryMap(length, kind, out failure);
        if (allocation is null)
        {
            refusal = LinuxRefusals.OutOfMemory(length, failure.Call, failure.Error);
            return null;
        }

        bool done = false;
        try
        {
            // mlock writes to each page of a private mapping itself, and a page that is born locked costs a third less than one that is locked later.
            bool lockFirst = residency == Residency.Locked && !prove;
            refusal = lockFirst ? Hold(allocation, residency, out failure) : null;
            refusal ??= allocation.Touch();
            if (refusal is null && prove)
            {
                refusal = Prove(allocation.Address, length);
                if (refusal is { Reason: GuestMemoryRefusalReason.NotContiguous } && kind == LinuxMapping.TransparentHugePages)
                {
                    allocation.Collapse();
                    refusal = Prove(allocation.Address, length);
                }
            }

            if (refusal is null && !lockFirst)
            {
                refusal = Hold(allocation, residency, out failure);
            }

            refusal ??= prove ? Prove(allocation.Address, length) : null;
            if (refusal is not null)
            {
                return null;
            }

            NativeGuestBuffer buffer = new(allocation.Address, length, residency, contiguity, allocation, this, logger);
            done = true;
            return buffer;
        }
        finally
        {
            if (!done)
            {
                allocation.Discard();
            }
        }
    }

    private static GuestMemoryRefusal? Hold(LinuxAllocation allocation, Residency residency, out PinFailure failure)
    {
        failure = default;
        if (residency == Residency.Touched || (residency == Residency.Pinned && allocation.Kind == LinuxMapping.RamFs))
        {
            return null;
        }

        if (residency == Residency.Locked)
        {
            return allocation.Lock();
        }

        return allocation.TryPin(out failure)
            ? null
            : LinuxRefusals.Pin(allocation.Length, failure) ?? LinuxRefusals.PinningUnavailable(failure.ToString());
    }

    private GuestMemoryRefusal? Hold(LinuxWindow window, long length, Residency residency)
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
                    return LinuxRefusals.WindowNotPinnable(new PinFailure("io_uring", Errno.ENOSYS));
                }

                return window.TryPin(out PinFailure failure) ? null : LinuxRefusals.Pin(length, failure) ?? LinuxRefusals.WindowNotPinnable(failure);
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
