using System.Text;

namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Takes whatever a look-up leaves in RAX for a function's number: also the -1 of a VMM with another ABI.</summary>
internal sealed class MinusOneTakenAsNumber : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        using GuestBuffer? buffer = Allocate(machine, Math.Max(shape.Length, 64), Residency.Pinned);
        if (buffer is null)
        {
            return;
        }

        _ = Encoding.UTF8.GetBytes(exchange.NameOf(FakeTechnique.Virtual) + "\0", buffer.Span);
        (bool isFound, HypercallRegisters found) = Call(machine, 0, buffer.Address.Value, 0, direction);
        if (!isFound || found.Rax == 0)
        {
            return;
        }

        byte[] before = Fill(buffer);
        (bool completed, HypercallRegisters registers) = Call(machine, found.Rax, buffer.Address.Value, (ulong)buffer.Length, direction);
        if (completed && registers.Rax == 0 && found.Rax > 127)
        {
            exchange.Claim(before, buffer.Span, direction);
        }
    }
}
