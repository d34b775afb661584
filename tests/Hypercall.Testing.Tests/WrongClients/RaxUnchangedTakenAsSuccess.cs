namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Takes anything but -1 for success: also the function's own number, which a refusal leaves in RAX.</summary>
internal sealed class RaxUnchangedTakenAsSuccess : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.Virtual);
        using GuestBuffer? buffer = number == 0 ? null : Allocate(machine, shape.Length, Residency.Pinned);
        if (buffer is null)
        {
            return;
        }

        byte[] before = Fill(buffer);
        (bool completed, HypercallRegisters registers) = Call(machine, number, buffer.Address.Value, (ulong)buffer.Length, direction);
        if (completed && registers.Rax != ulong.MaxValue)
        {
            exchange.Claim(before, buffer.Span, direction);
        }
    }
}
