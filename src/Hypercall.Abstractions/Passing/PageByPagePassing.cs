namespace Hypercall;

internal sealed class PageByPagePassing() : PhysicalPassing("PageByPage", framesPerCall: 1)
{
    protected override TransferResult? Hand(Transfer transfer, PagedRange piece, PagedRange? mustStay) =>
        transfer.Call(piece.Start.Value, (ulong)piece.Length, piece.Length, mustStay);
}
