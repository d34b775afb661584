using System.Text;

namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Puts a name into memory, and looks it up without making sure that its page is there at that moment.</summary>
internal sealed class NameOnAbsentPage : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        using GuestBuffer? name = Allocate(machine, 256, Residency.Touched);
        if (name is null)
        {
            return;
        }

        _ = Encoding.UTF8.GetBytes(exchange.NameOf(FakeTechnique.Virtual) + "\0", name.Span);
        (bool completed, HypercallRegisters registers) = Call(machine, 0, name.Address.Value, 0, direction);
        bool isRefused = machine.FaultOccurrences.Any(occurrence => occurrence.Fault.Fault.Kind is FakeFaultKind.LoseName or FakeFaultKind.Refuse or FakeFaultKind.RefuseForeign);
        Assert.False(completed && registers.Rax == 0 && !isRefused, "The VMM has this function, and the program says that it has not.");
    }
}
