namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Hands memory over by virtual address, and does not look how far the VMM got.</summary>
internal sealed class PartialCopyTakenAsComplete : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.Virtual);
        using GuestBuffer? buffer = number == 0 ? null : Allocate(machine, shape.Length, Residency.Touched);
        if (buffer is null)
        {
            return;
        }

        byte[] before = Fill(buffer);
        (bool completed, HypercallRegisters registers) = Call(machine, number, buffer.Address.Value, (ulong)buffer.Length, direction);
        if (completed && registers.Rax == 0)
        {
            exchange.Claim(before, buffer.Span, direction);
        }
    }
}
