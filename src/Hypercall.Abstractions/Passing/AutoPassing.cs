namespace Hypercall;

internal sealed class AutoPassing() : Passing("Auto")
{
    private protected override TransferResult Hand(Transfer transfer)
    {
        if (transfer.Vet(physical: true) is { } unfit)
        {
            return transfer.Refused(unfit);
        }

        // Memory that is not pinned may scatter between this look and the call: then Contiguous refuses, and nothing is lost.
        bool oneExtent = transfer.TryTranslate(transfer.Slice.Address, transfer.Slice.Length, out PagedRange? range, out GuestMemoryRefusal? refusal)
            && range.IsContiguous;
        return refusal is not null ? transfer.Refused(refusal) : (oneExtent ? Contiguous : FrameList).Run(transfer);
    }
}
