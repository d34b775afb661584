namespace Hypercall;

/// <summary>
/// What the techniques that give away physical addresses share: which memory is fit, when it is translated, and whether it
/// stayed where it was.
/// </summary>
/// <remarks>
/// <code>
/// pinned:      translate all, then           call   call   call ...
/// not pinned:  translate, call, check        translate, call, check ...      a piece at a time
/// </code>
/// </remarks>
internal abstract class PhysicalPassing(string name, int framesPerCall) : Passing(name)
{
    private protected sealed override TransferResult Hand(Transfer transfer)
    {
        if (transfer.Vet(physical: true) is { } unfit)
        {
            return transfer.Refused(unfit);
        }

        GuestSlice whole = transfer.Slice;
        bool pinned = whole.Buffer.Residency == Residency.Pinned;
        if (!pinned && transfer.Touch() is { } untouchable)
        {
            return transfer.Refused(untouchable);
        }

        // Before anything is translated: getting a page takes long enough for memory that is not pinned to move.
        if (Prepare(transfer) is { } unprepared)
        {
            // What keeps the data from being translated says more than what its list lacks.
            return transfer.Refused(transfer.TryTranslate(whole.Address, 1, out _, out GuestMemoryRefusal? untranslatable) ? unprepared : untranslatable);
        }

        PagedRange? all = null;
        if (pinned && !transfer.TryTranslate(whole.Address, whole.Length, out all, out GuestMemoryRefusal? refusal))
        {
            return transfer.Refused(refusal);
        }

        long length;
        for (long done = 0; done < whole.Length; done += length)
        {
            GuestVirtualAddress address = whole.Address + done;
            length = Math.Min(whole.Length - done, ((long)framesPerCall << GuestPage.Shift) - address.PageOffset);
            PagedRange? piece = all?.Slice(done, length);
            if (piece is null && !transfer.TryTranslate(address, length, out piece, out refusal))
            {
                return transfer.Refused(refusal);
            }

            if (Hand(transfer, piece, mustStay: pinned ? null : piece) is { } ended)
            {
                return ended;
            }
        }

        return transfer.Completed();
    }

    /// <summary>Gets what all calls of a transfer need.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <returns>Why it is not to be had; null when it is.</returns>
    protected virtual GuestMemoryRefusal? Prepare(Transfer transfer) => null;

    /// <summary>Hands over one piece of at most so many frames as fit a call.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="piece">The piece.</param>
    /// <param name="mustStay">The piece when it may move; null when it is pinned.</param>
    /// <returns>Null when all its bytes are done; otherwise how the transfer ended.</returns>
    protected abstract TransferResult? Hand(Transfer transfer, PagedRange piece, PagedRange? mustStay);
}
