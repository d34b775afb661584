namespace Hypercall;

internal sealed class ContiguousPassing() : PhysicalPassing("Contiguous", framesPerCall: int.MaxValue)
{
    protected override TransferResult? Hand(Transfer transfer, PagedRange piece, PagedRange? mustStay) => piece.IsContiguous
        ? transfer.Call(piece.Start.Value, (ulong)piece.Length, piece.Length, mustStay)
        : transfer.Refused(GuestMemoryRefusal.ForScattered(piece));
}
