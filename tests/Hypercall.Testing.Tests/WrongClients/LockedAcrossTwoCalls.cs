namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>
/// Locks a page, which keeps it in memory but not in its frame, and uses the frame's address in two calls. The mistake needs both
/// calls; they are one transfer here.
/// </summary>
internal sealed class LockedAcrossTwoCalls : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.Contiguous);
        using GuestBuffer? buffer = number == 0 ? null : Allocate(machine, Math.Clamp(shape.Length, 2, GuestPage.Size), Residency.Locked);
        if (buffer is null)
        {
            return;
        }

        byte[] before = Fill(buffer);
        ulong half = (ulong)buffer.Length / 2;
        ulong rest = (ulong)buffer.Length - half;
        if (Translate(machine, buffer.Address) is { } address
            && IsDone(Call(machine, number, address.Value, half, direction), half)
            && IsDone(Call(machine, number, address.Value + half, rest, direction), rest))
        {
            exchange.Claim(before, buffer.Span, direction);
        }
    }
}
