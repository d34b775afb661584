using System.Buffers.Binary;

namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>
/// Fills one list with as many frames as fit, and hands over no second one. The mistake needs a buffer of 512 pages.
/// </summary>
internal sealed class FrameListCutAt511 : WrongClient
{
    private const int MostFrames = 511;

    public override (int Pages, int Faults, int Calls) Smallest => (512, 0, 1);

    public override int MaxPages => 520;

    public override int StartSize => 100;

    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.FrameList);
        using GuestBuffer? buffer = number == 0 ? null : Allocate(machine, shape.Length, Residency.Pinned);
        using GuestBuffer? list = buffer is null ? null : Allocate(machine, GuestPage.Size, Residency.Pinned);
        if (buffer is null || list is null || Translate(machine, list.Address) is not { } listAddress
            || !machine.Memory.TryQueryPages(buffer.Address, buffer.Length, out GuestPageMap? pages, out _)
            || !pages.TryGetPagedRange(out PagedRange? range, out _))
        {
            return;
        }

        byte[] before = Fill(buffer);
        int frames = Math.Min(range.Frames.Length, MostFrames);
        long length = Math.Min(buffer.Length, (long)MostFrames * GuestPage.Size);
        Span<byte> entries = list.Span;
        BinaryPrimitives.WriteUInt32LittleEndian(entries, (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(entries[4..], 0);
        for (int i = 0; i < frames; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(entries[(8 + (8 * i))..], range.Frames.Span[i].Value);
        }

        if (IsDone(Call(machine, number, listAddress.Value, (ulong)(8 + (8 * frames)), direction), (ulong)length))
        {
            exchange.Claim(before, buffer.Span, direction);
        }
    }
}
