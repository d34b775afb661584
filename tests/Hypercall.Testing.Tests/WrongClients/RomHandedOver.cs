namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Maps physical memory that it takes for its own, and lets the VMM write there.</summary>
internal sealed class RomHandedOver : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.Virtual);
        if (number != 0)
        {
            using GuestBuffer rom = machine.Memory.MapRom(shape.Length);
            _ = Call(machine, number, rom.Address.Value, (ulong)rom.Length, direction);
        }
    }
}
