namespace Hypercall.Testing.Tests.WrongClients;

/// <summary>Hands over so many whole pages as the length has, and forgets the rest.</summary>
internal sealed class LastPageCutOff : WrongClient
{
    public override void Transfer(FakeMachine machine, FakeExchange exchange, FakeBufferShape shape, Direction direction)
    {
        ulong number = NumberOf(machine, exchange, FakeTechnique.PageByPage);
        using GuestBuffer? buffer = number == 0 ? null : Allocate(machine, shape.Length, Residency.Pinned);
        if (buffer is null)
        {
            return;
        }

        byte[] before = Fill(buffer);
        for (long page = 0; page < buffer.Length / GuestPage.Size; page++)
        {
            if (Translate(machine, buffer.Address + (page * GuestPage.Size)) is not { } address
                || !IsDone(Call(machine, number, address.Value, GuestPage.Size, direction), GuestPage.Size))
            {
                return;
            }
        }

        exchange.Claim(before, buffer.Span, direction);
    }
}
