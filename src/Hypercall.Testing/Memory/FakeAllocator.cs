using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Hypercall.Testing;

/// <summary>
/// Gives the guest's program memory, and windows onto memory that it has, within its limits; and takes them back.
/// </summary>
internal sealed class FakeAllocator(FakeRun run, FakeClock clock, FakeKernel kernel, FakeLimits limits) : IFakeBufferOwner
{
    private readonly ConditionalWeakTable<object, FakeMapping> _mappings = [];
    private ulong _arrays;
    private int _buffers;

    /// <summary>Allocates memory: as asked, or what a fallback leaves of it.</summary>
    public bool TryAllocate(
        long length, GuestBufferOptions options, [NotNullWhen(true)] out GuestBuffer? buffer, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        run.ThrowIfFailed();
        clock.GuestStep(FakeAccessContext.Nothing);
        lock (run.Gate)
        {
            return FallbackPolicy.TryGet(
                    options,
                    (Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why) => Allocate(length, residency, contiguity, out why),
                    told: null,
                    out buffer,
                    out refusal)
                || TellRefused(length, refusal);
        }
    }

    /// <summary>Opens a window onto managed memory.</summary>
    public bool TryOpen(
        Memory<byte> memory,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        run.ThrowIfFailed();
        clock.GuestStep(FakeAccessContext.Nothing);
        (object owner, Memory<byte> whole, int offset) = Identify(memory);
        window = null;
        lock (run.Gate)
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
                mapping = kernel.Space.Reserve(whole.Length, pageOffset, FakeMappingKind.Process, _buffers + 1);
                if (mapping is null)
                {
                    refusal = FakeRefusals.NoAddresses;
                    return false;
                }

                kernel.Space.Add(mapping, whole);
                kernel.Pages.PlaceScattered(mapping);
                _mappings.AddOrUpdate(owner, mapping);
            }

            if (!TryOpen(mapping, mapping.Start + offset, memory.Length, options, kind, out window, out refusal))
            {
                if (kind == FakeBufferKind.ArrayWindow && mapping.Windows == 0)
                {
                    kernel.Unmap(mapping);
                }

                return TellRefused(memory.Length, refusal);
            }

            mapping.Windows += kind == FakeBufferKind.ArrayWindow ? 1 : 0;
            return true;
        }
    }

    /// <summary>Opens a window onto part of a buffer.</summary>
    public bool TryOpen(
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        run.ThrowIfFailed();
        clock.GuestStep(FakeAccessContext.Virtual(start.Value));
        lock (run.Gate)
        {
            if (kernel.Find(start.Value >> GuestPage.Shift) is { } mapping && start >= mapping.Start
                && length <= mapping.Length - (long)(start.Value - mapping.Start.Value))
            {
                return TryOpen(mapping, start, length, options, FakeBufferKind.AddressWindow, out window, out refusal) || TellRefused(length, refusal);
            }
        }

        window = null;
        refusal = FakeRefusals.NotOneBuffer(start, length);
        return false;
    }

    /// <summary>Makes a buffer that the kernel has no choice about.</summary>
    public FakeGuestBuffer Make(
        long length, FakeMappingKind kind, Residency residency, Contiguity contiguity, Action<FakeMapping>? place)
    {
        run.ThrowIfFailed();
        clock.GuestStep(FakeAccessContext.Nothing);
        lock (run.Gate)
        {
            if (!TryCreate(length, kind, out FakeMapping? mapping, out GuestMemoryRefusal? refusal))
            {
                throw new GuestMemoryException(refusal);
            }

            place?.Invoke(mapping);
            return Show(mapping, mapping.Start, length, hold: null, residency, contiguity, FakeBufferKind.Allocation);
        }
    }

    public bool TryQueryPages(
        GuestVirtualAddress start,
        long length,
        [NotNullWhen(true)] out GuestPageMap? pages,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        run.ThrowIfFailed();
        clock.GuestStep(FakeAccessContext.Virtual(start.Value));
        pages = null;
        long count = GuestPage.Count(start, length);
        if (count > Array.MaxLength)
        {
            refusal = FakeRefusals.TooManyEntries(count);
            return false;
        }

        GuestPage[] entries = new GuestPage[count];
        ulong first = start.Value >> GuestPage.Shift;
        lock (run.Gate)
        {
            for (int i = 0; i < entries.Length; i++)
            {
                entries[i] = kernel.Describe(first + (ulong)i, limits.HideFrames);
            }

            if (run.IsRecording)
            {
                run.Tell(FakeActor.Guest, string.Create(CultureInfo.InvariantCulture, $"asks where {Plural(count, "page")} at {start} {(count == 1 ? "is" : "are")}: {Summary(entries)}"));
            }
        }

        pages = new GuestPageMap(start, length, entries);
        refusal = null;
        return true;
    }

    public void Touch(FakeGuestBuffer buffer, int first, int count)
    {
        run.ThrowIfFailed();
        clock.GuestStep(FakeAccessContext.Virtual((buffer.Mapping.FirstPage + (ulong)first) << GuestPage.Shift));
        lock (run.Gate)
        {
            if (run.IsRecording)
            {
                run.Tell(FakeActor.Guest, $"writes to {Plural(count, "page")} of buffer {buffer.Number}, from page {first - buffer.FirstPage}");
            }

            kernel.Touch(buffer.Mapping, first, count);
        }
    }

    public void Release(FakeGuestBuffer buffer, FakeHold? hold)
    {
        if (run.Failure is null)
        {
            clock.FreeStep(FakeAccessContext.Virtual(buffer.Address.Value));
        }

        lock (run.Gate)
        {
            FakeMapping mapping = buffer.Mapping;
            if (run.IsRecording && run.Failure is null)
            {
                run.Tell(FakeActor.Guest, $"frees buffer {buffer.Number}");
            }

            if (hold is not null)
            {
                limits.LetGo(mapping, hold);
            }

            _ = mapping.Buffers.Remove(buffer);
            _ = kernel.Buffers.Remove(buffer);
            if (buffer.Kind == FakeBufferKind.Allocation)
            {
                mapping.Bytes.Span.Clear();
                kernel.Unmap(mapping);
            }
            else if (buffer.Kind == FakeBufferKind.ArrayWindow && --mapping.Windows == 0)
            {
                kernel.Unmap(mapping);
            }
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

    private static string Plural(long count, string what) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    private static string Summary(GuestPage[] entries)
    {
        const int Most = 3;
        IEnumerable<string> first = entries.Take(Most).Select(entry => entry.State == GuestPageState.Present ? $"frame {entry.Frame}" : entry.State.ToString());
        return string.Join(", ", entries.Length > Most ? first.Append("...") : first);
    }

    private bool TellRefused(long length, GuestMemoryRefusal refusal)
    {
        if (run.IsRecording)
        {
            run.Tell(FakeActor.Kernel, $"does not give the guest {Plural(length, "byte")}: {refusal.Reason}");
        }

        return false;
    }

    /// <summary>Allocates memory exactly as asked.</summary>
    private FakeGuestBuffer? Allocate(long length, Residency residency, Contiguity contiguity, out GuestMemoryRefusal? refusal)
    {
        int pages = (int)Math.Min(GuestPage.Count(default, length), int.MaxValue);
        refusal = limits.Check(null, 0, pages, residency);
        ulong frames = 0;
        if (refusal is null && contiguity == Contiguity.Contiguous)
        {
            bool canProve = limits.CanProve(pages);
            frames = canProve && (limits.CanAllocateContiguous || pages == 1) ? kernel.Physical.FindRun(pages) : 0;
            refusal = frames != 0 ? null : canProve ? FakeRefusals.NoRun(pages) : FakeRefusals.HiddenFrames;
        }

        if (refusal is not null || !TryCreate(length, FakeMappingKind.Process, out FakeMapping? mapping, out refusal))
        {
            return null;
        }

        if (frames == 0)
        {
            kernel.Pages.PlaceScattered(mapping);
        }
        else
        {
            kernel.Pages.PlaceContiguous(mapping, frames);
        }

        return Show(mapping, mapping.Start, length, Hold(mapping, 0, pages, residency), residency, contiguity, FakeBufferKind.Allocation);
    }

    /// <summary>Opens a window onto pages: as asked, or what a fallback leaves of it.</summary>
    private bool TryOpen(
        FakeMapping mapping,
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        FakeBufferKind kind,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        int first = (int)((start.Value >> GuestPage.Shift) - mapping.FirstPage);
        int count = (int)GuestPage.Count(start, length);
        if (options.Residency == Residency.Pinned)
        {
            kernel.FinishMoves(mapping, first, count); // a pin waits for a page that is just being moved
        }

        kernel.Touch(mapping, first, count); // before the frames are looked at
        return FallbackPolicy.TryGet(options, Open, told: null, out window, out refusal);

        GuestBuffer? Open(Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why)
        {
            why = contiguity == Contiguity.Any ? null
                : !limits.CanProve(count) ? FakeRefusals.HiddenFrames
                : kernel.Pages.AreContiguous(mapping, first, count) ? null
                : FakeRefusals.Scattered(count);
            why ??= limits.Check(mapping, first, count, residency);
            return why is null ? Show(mapping, start, length, Hold(mapping, first, count, residency), residency, contiguity, kind) : null;
        }
    }

    private FakeHold? Hold(FakeMapping mapping, int first, int count, Residency residency)
    {
        if (residency == Residency.Touched)
        {
            return null;
        }

        FakeHold hold = new(first, count, residency);
        limits.Hold(mapping, hold);
        return hold;
    }

    private FakeGuestBuffer Show(
        FakeMapping mapping, GuestVirtualAddress start, long length, FakeHold? hold, Residency residency, Contiguity contiguity, FakeBufferKind kind)
    {
        FakeGuestBuffer buffer = new(this, mapping, ++_buffers, start, length, hold, residency, contiguity, kind);
        mapping.Buffers.Add(buffer);
        kernel.Buffers.Add(buffer);
        if (run.IsRecording)
        {
            string verb = kind == FakeBufferKind.Allocation ? "allocates" : "opens";
            run.Tell(FakeActor.Guest, $"{verb} buffer {buffer.Number}: {Plural(length, "byte")} at {start}, {residency}{(contiguity == Contiguity.Contiguous ? ", contiguous" : "")}, {Plural(buffer.PageCount, "page")}");
        }

        return buffer;
    }

    /// <summary>Memory that the fake itself allocates, whole pages of it, in no frame yet.</summary>
    private bool TryCreate(
        long length, FakeMappingKind kind, [NotNullWhen(true)] out FakeMapping? mapping, [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
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

        mapping = kernel.Space.Reserve(whole, pageOffset: 0, kind, _buffers + 1);
        refusal = mapping is null ? FakeRefusals.NoAddresses : null;
        if (mapping is not null)
        {
            kernel.Space.Add(mapping, bytes);
            _mappings.Add(bytes, mapping);
        }

        return refusal is null;
    }
}
