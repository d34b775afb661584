namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Keeps a frame's address for later, and the buffer not so long.</summary>
internal sealed class FreedAddressReused : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.Virtual);
        GuestBuffer? buffer = number == 0 ? null : Allocate(machine, shape.Length, Residency.Pinned);
        if (buffer is not null)
        {
            _ = Fill(buffer);
            buffer.Dispose();
            _ = Call(machine, number, buffer.Address.Value, (ulong)buffer.Length, direction);
        }
    }
}
