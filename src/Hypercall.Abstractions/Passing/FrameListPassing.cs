using System.Buffers.Binary;

namespace Hypercall;

/// <summary>
/// A list of frames in one pinned page, laid out as Hyper-V's GPA_RANGE (Linux, include/linux/hyperv.h, <c>struct gpa_range</c>):
/// </summary>
/// <remarks>
/// <code>
/// offset  0           4                   8       16              8 + 8 n
///         u32 bytes   u32 offset in F0    u64 F0  u64 F1  ...     (n frames, 1 to 511: then the page is full)
/// </code>
/// </remarks>
internal sealed class FrameListPassing() : PhysicalPassing("FrameList", MaxFrames)
{
    public const int MaxFrames = (GuestPage.Size - HeaderSize) / sizeof(ulong); // 511

    private const int HeaderSize = 2 * sizeof(uint);

    protected override GuestMemoryRefusal? Prepare(Transfer transfer) => transfer.GetListPage();

    protected override TransferResult? Hand(Transfer transfer, PagedRange piece, PagedRange? mustStay)
    {
        int size = Write(piece, transfer.ListPage);
        return transfer.Call(transfer.ListAddress.Value, (ulong)size, piece.Length, mustStay);
    }

    private static int Write(PagedRange piece, Span<byte> page)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(page, (uint)piece.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(page[sizeof(uint)..], (uint)piece.Offset);
        Span<byte> rest = page[HeaderSize..];
        foreach (GuestFrameNumber frame in piece.Frames.Span)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(rest, frame.Value);
            rest = rest[sizeof(ulong)..];
        }

        return page.Length - rest.Length;
    }
}
