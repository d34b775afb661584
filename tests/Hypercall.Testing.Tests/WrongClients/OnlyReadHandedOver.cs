namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>
/// Hands over memory that it has only read, and that is the zero page of all processes therefore, for the VMM to write into.
/// </summary>
internal sealed class OnlyReadHandedOver : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.Contiguous);
        if (number != 0)
        {
            using GuestBuffer buffer = machine.Memory.AllocateUntouched(Math.Min(shape.Length, GuestPage.Size));
            machine.Memory.Load(buffer, 0);
            if (Translate(machine, buffer.Address) is { } address)
            {
                _ = Call(machine, number, address.Value, (ulong)buffer.Length, direction);
            }
        }
    }
}
