namespace Hypercall;

internal sealed class AutoPassing() : Passing("Auto")
{
    private protected override TransferResult Hand(Transfer transfer)
    {
        // Memory that is not pinned may scatter between this look and the call: then Contiguous refuses, and nothing is lost.
        bool oneExtent = transfer.TryTranslate(transfer.Slice.Address, transfer.Slice.Length, out PagedRange? range, out _)
            && range.IsContiguous;
        return (oneExtent ? Contiguous : FrameList).Run(transfer); // what keeps the memory from being handed over, they say
    }
}
