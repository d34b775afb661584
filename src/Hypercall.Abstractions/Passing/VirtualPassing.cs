namespace Hypercall;

internal sealed class VirtualPassing() : Passing("Virtual")
{
    internal override TransferResult Run(Transfer transfer)
    {
        if (transfer.Vet(physical: false) is { } unfit)
        {
            return transfer.Refused(unfit);
        }

        transfer.Slice.Buffer.Touch(); // the VMM cannot bring a page in
        return transfer.Call(transfer.Slice.Address.Value, (ulong)transfer.Slice.Length, transfer.Slice.Length) ?? transfer.Completed();
    }
}
