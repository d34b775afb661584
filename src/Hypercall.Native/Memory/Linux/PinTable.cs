namespace Hypercall.Native;

/// <summary>The io_uring pins of this copy of the library.</summary>
/// <remarks>
/// The kernel counts pins per page: two slots over the same page hold it until both are empty. A ring is open as long as one of
/// its slots is taken: a buffer that must leak stays pinned, also when its copy of the library is unloaded; a copy that leaks
/// nothing leaves no ring behind.
/// </remarks>
/// <param name="keepsPrivileges">Whether rings go on serving a process that gave up the capabilities it opened them with.</param>
internal sealed class PinTable(bool keepsPrivileges = false)
{
    private readonly List<PinRing> _rings = []; // also the gate

    /// <summary>How many rings are open, and take further buffers.</summary>
    public int Rings
    {
        get
        {
            lock (_rings)
            {
                return _rings.Count;
            }
        }
    }

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

    public static void Unpin(ReadOnlySpan<PinSlot> slots)
    {
        foreach (PinSlot slot in slots)
        {
            slot.Ring.GiveBack(slot.Index);
        }
    }

    /// <summary>Opens a ring now, if that is possible, and not for the first buffer.</summary>
    /// <returns>Whether there is one.</returns>
    public bool TryOpen()
    {
        if (TryTakeSlot(out _) is { } slot)
        {
            Unpin([slot]);
            return true;
        }

        return false;
    }

    /// <summary>Closes the rings, each when the last buffer that it pins is released; the next buffer opens another.</summary>
    public void Close()
    {
        lock (_rings)
        {
            _rings.ForEach(ring => ring.Close());
            _rings.Clear();
        }
    }

    private PinSlot? TryTakeSlot(out PinFailure failure)
    {
        ulong capabilities = keepsPrivileges ? 0 : LinuxCapabilities.Effective;
        lock (_rings)
        {
            failure = default;
            if (_rings.Count != 0 && _rings[0].OpenedWith != capabilities)
            {
                Close();
            }

            foreach (PinRing ring in _rings)
            {
                if (ring.TryTakeSlot() is { } slot)
                {
                    return new PinSlot(ring, slot);
                }
            }

            if (PinRing.TryCreate(capabilities, out failure) is not { } another)
            {
                return null;
            }

            _rings.Add(another);
            return new PinSlot(another, another.TryTakeSlot()!.Value);
        }
    }
}
