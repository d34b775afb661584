using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Memory of our own, from mmap.</summary>
internal sealed unsafe class LinuxAllocation : NativeMemoryHold
{
    private const nuint HugePage = 2 << 20;
    private const nuint GiantPage = 1 << 30;

    private readonly nuint _used; // the part of the mapping that was handed out, in whole pages
    private PageSpan _mapping;
    private PinSlot[]? _pins;
    private bool _locked;

    private LinuxAllocation(nuint used) => _used = used;

    public LinuxMapping Kind { get; private init; }

    public override ExcludedCopies ExcludedFrom => Excluded;

    /// <summary>The advice that was not taken, for the log; the default when all was.</summary>
    public PinFailure NotAdvised { get; private init; }

    private ExcludedCopies Excluded { get; init; }

    public PageSpan Pages => _mapping;

    public GuestVirtualAddress Address => new(_mapping.Start);

    public long Length => (long)_mapping.Length;

    /// <summary>How much is mapped for some bytes: whole pages of their kind.</summary>
    /// <param name="length">Length in bytes.</param>
    /// <param name="kind">Where the pages come from.</param>
    public static nuint MappedLength(long length, LinuxMapping kind) => RoundUp((nuint)length, kind switch
    {
        LinuxMapping.Pages or LinuxMapping.RamFs => GuestPage.Size,
        LinuxMapping.GiantPages => GiantPage,
        _ => HugePage,
    });

    /// <summary>
    /// Maps fresh zeroed memory that neither a core dump nor a forked child gets, as far as the kernel takes that advice.
    /// </summary>
    /// <param name="length">Length in bytes.</param>
    /// <param name="kind">Where the pages come from.</param>
    /// <param name="ramFs">The ramfs, for pages of one.</param>
    /// <param name="failure">Why there is none.</param>
    public static LinuxAllocation? TryMap(long length, LinuxMapping kind, RamFs ramFs, out PinFailure failure)
    {
        failure = default;
        nuint used = RoundUp((nuint)length, GuestPage.Size);
        nuint mapped = MappedLength(length, kind);
        nuint start = kind switch
        {
            LinuxMapping.Pages => LinuxMemory.Map(mapped, Libc.MapPrivate | Libc.MapAnonymous),
            LinuxMapping.RamFs => ramFs.TryMap(mapped, out failure),
            LinuxMapping.HugePages => LinuxMemory.Map(
                mapped, Libc.MapPrivate | Libc.MapAnonymous | Libc.MapHugeTlb | Libc.MapHuge2M),
            LinuxMapping.GiantPages => LinuxMemory.Map(
                mapped, Libc.MapPrivate | Libc.MapAnonymous | Libc.MapHugeTlb | Libc.MapHuge1G),
            _ => MapAligned(mapped),
        };
        if (start == 0)
        {
            string call = kind is LinuxMapping.HugePages or LinuxMapping.GiantPages ? LinuxCall.MapHugePages : LinuxCall.Map;
            failure = failure == default ? new PinFailure(call, Libc.LastError) : failure;
            return null;
        }

        // Two buffers must not share a huge page: it is pinned, locked, moved and counted as a whole. Without transparent huge
        // pages, no advice is needed.
        PageSpan mapping = new(start, start + mapped);
        _ = kind switch
        {
            LinuxMapping.Pages => LinuxMemory.Advise(start, mapped, Libc.AdviseNoHugePage),
            LinuxMapping.TransparentHugePages => LinuxMemory.Advise(start, mapped, Libc.AdviseHugePage),
            _ => 0,
        };
        ExcludedCopies excluded = LinuxAdvice.Exclude(mapping, out PinFailure notAdvised);
        MemoryBudget.Process.Mapped(Counted(kind, mapped));
        return new LinuxAllocation(used) { Kind = kind, _mapping = mapping, Excluded = excluded, NotAdvised = notAdvised };
    }

    /// <summary>Touches all of the memory.</summary>
    /// <param name="failure">Why it cannot.</param>
    public bool TryTouch(out PinFailure failure) => PageToucher.TryTouch(_mapping, _mapping.Start, out failure);

    public override GuestMemoryRefusal? Touch() => PageToucher.Touch(_mapping, _mapping.Start);

    public override GuestMemoryRefusal? Touch(GuestVirtualAddress first, long length) => PageToucher.Touch(PageSpan.Of(first, length), (nuint)first.Value);

    /// <summary>Asks the kernel to make huge pages of what is mapped; it says nothing, the page map does.</summary>
    public void Collapse() => _ = LinuxMemory.Advise(_mapping.Start, _mapping.Length, Libc.AdviseCollapse);

    public GuestMemoryRefusal? Lock()
    {
        if (Kind is LinuxMapping.HugePages or LinuxMapping.GiantPages)
        {
            return null; // the pages of the pool are never swapped out, and the kernel does not count them
        }

        int error = LinuxLock.TryLock(_mapping);
        if (error != 0)
        {
            return LinuxRefusals.Of(new PinFailure(LinuxCall.Lock, error), _mapping);
        }

        LinuxPageLocker.Process.AddLocked(_mapping);
        _locked = true;
        return null;
    }

    /// <returns>Whether the pages are pinned.</returns>
    public bool TryPin(PinTable pins, out PinFailure failure)
    {
        _pins = pins.TryPin(_mapping, out failure);
        return _pins is not null;
    }

    public override void Release()
    {
        NativeMemory.Clear((void*)_mapping.Start, _used);
        Discard();
    }

    /// <summary>Gives everything back without zeroing: nobody had it yet.</summary>
    public void Discard()
    {
        if (_pins is not null)
        {
            PinTable.Unpin(_pins);
        }

        if (_locked)
        {
            LinuxPageLocker.Process.Unlock(_mapping, unlock: false); // munmap does
        }

        LinuxMemory.Unmap(_mapping.Start, _mapping.Length);
        MemoryBudget.Process.Unmapped(Counted(Kind, _mapping.Length));
    }

    private static nuint MapAligned(nuint length)
    {
        nuint whole = LinuxMemory.Map(
            length + HugePage, Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoReserve);
        if (whole == 0)
        {
            return 0;
        }

        nuint start = RoundUp(whole, HugePage);
        if (start != whole)
        {
            LinuxMemory.Unmap(whole, start - whole);
        }

        if (whole + HugePage != start)
        {
            LinuxMemory.Unmap(start + length, whole + HugePage - start);
        }

        return start;
    }

    private static long Counted(LinuxMapping kind, nuint mapped) => kind is LinuxMapping.HugePages or LinuxMapping.GiantPages ? 0 : (long)mapped;

    private static nuint RoundUp(nuint value, nuint unit) => (value + unit - 1) & ~(unit - 1);
}
