namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Finds the frame of a page first, and pins the page then.</summary>
internal sealed class TranslatedBeforePinned : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.Contiguous);
        using GuestBuffer? buffer = number == 0 ? null : Allocate(machine, Math.Min(shape.Length, GuestPage.Size), Residency.Touched);
        if (buffer is null)
        {
            return;
        }

        byte[] before = Fill(buffer);
        if (Translate(machine, buffer.Address) is { } address
            && machine.Memory.TryOpenWindow(buffer.Address, buffer.Length, new GuestBufferOptions { Residency = Residency.Pinned }, out GuestBuffer? pinned, out _))
        {
            using (pinned)
            {
                if (IsDone(Call(machine, number, address.Value, (ulong)buffer.Length, direction), (ulong)buffer.Length))
                {
                    exchange.Claim(before, buffer.Span, direction);
                }
            }
        }
    }
}
