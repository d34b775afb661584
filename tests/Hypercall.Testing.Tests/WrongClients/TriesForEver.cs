namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Calls again as long as the VMM finds a page absent, and does nothing to bring the page back.</summary>
internal sealed class TriesForEver : WrongClient
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
        (bool Completed, HypercallRegisters Registers) answer;
        do
        {
            exchange.Reset();
            answer = Call(machine, number, buffer.Address.Value, (ulong)buffer.Length, Direction.ToVmm);
        }
        while (answer.Completed && answer.Registers.Rax == 0 && answer.Registers.Rcx < (ulong)buffer.Length);
        if (IsDone(answer, (ulong)buffer.Length))
        {
            exchange.Claim(before, default, Direction.ToVmm);
        }
    }
}
