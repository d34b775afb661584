namespace Hypercall;

internal sealed class VirtualPassing() : Passing("Virtual")
{
    private protected override TransferResult Hand(Transfer transfer)
    {
        if (transfer.Vet(physical: false) is { } unfit)
        {
            return transfer.Refused(unfit);
        }

        // The VMM cannot bring a page in.
        if (transfer.Touch() is { } untouchable)
        {
            return transfer.Refused(untouchable);
        }

        return transfer.Call(transfer.Slice.Address.Value, (ulong)transfer.Slice.Length, transfer.Slice.Length) ?? transfer.Completed();
    }
}
