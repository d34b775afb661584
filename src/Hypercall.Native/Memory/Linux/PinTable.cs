namespace Hypercall.Native;

/// <summary>All io_uring pins of this process.</summary>
/// <remarks>
/// The kernel counts pins per page: two slots over the same page hold it until both are empty. Rings stay open as long as the process runs, so that a buffer that must leak
/// stays pinned.
/// </remarks>
internal sealed class PinTable
{
    private readonly object _gate = new();
    private readonly Stack<PinSlot> _free = new();

    public static PinTable Process { get; } = new();

    /// <summary>How many rings were opened.</summary>
    public int Rings { get; private set; }

    /// <returns>The slots that hold the pages, or null and why.</returns>
    public PinSlot[]? TryPin(PageSpan pages, out PinFailure failure)
    {
        int count = (int)((pages.Length + PinRing.MaxBufferLength - 1) / PinRing.MaxBufferLength);
        PinSlot[] slots = new PinSlot[count];
        for (int i = 0; i < count; i++)
        {
            if (TryTakeSlot(out failure) is not { } slot)
            {
                Unpin(slots.AsSpan(0, i));
                return null;
            }

            slots[i] = slot;
            nuint start = pages.Start + ((nuint)i * PinRing.MaxBufferLength);
            int error = slot.Ring.Set(slot.Index, start, Math.Min(pages.End - start, PinRing.MaxBufferLength));
            if (error != 0)
            {
                failure = new PinFailure(LinuxCall.RingUpdate, error);
                Unpin(slots.AsSpan(0, i + 1));
                return null;
            }
        }

        failure = default;
        return slots;
    }

    public void Unpin(ReadOnlySpan<PinSlot> slots)
    {
        foreach (PinSlot slot in slots)
        {
            // Failing, it leaves the frames pinned and the slot good for use: the next buffer in it takes their place.
            _ = slot.Ring.Clear(slot.Index);
        }

        lock (_gate)
        {
            foreach (PinSlot slot in slots)
            {
                _free.Push(slot);
            }
        }
    }

    private PinSlot? TryTakeSlot(out PinFailure failure)
    {
        lock (_gate)
        {
            failure = default;
            if (_free.Count == 0)
            {
                if (PinRing.TryCreate(out failure) is not { } ring)
                {
                    return null;
                }

                Rings++;
                for (int i = PinRing.Slots - 1; i >= 0; i--)
                {
                    _free.Push(new PinSlot(ring, i));
                }
            }

            return _free.Pop();
        }
    }
}
