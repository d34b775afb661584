namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Hands over the address of the first frame, as if the others followed it.</summary>
internal sealed class ContiguityAssumed : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.Contiguous);
        using GuestBuffer? buffer = number == 0 ? null : Allocate(machine, shape.Length, Residency.Pinned);
        if (buffer is not null && Translate(machine, buffer.Address) is { } address)
        {
            byte[] before = Fill(buffer);
            if (IsDone(Call(machine, number, address.Value, (ulong)buffer.Length, direction), (ulong)buffer.Length))
            {
                exchange.Claim(before, buffer.Span, direction);
            }
        }
    }
}
