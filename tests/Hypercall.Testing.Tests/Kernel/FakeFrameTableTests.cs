namespace Hypercall.Testing.Tests.Memory;

public sealed class FakeFrameTableTests
{
    private const int Many = 600 * 128; // more than are remembered when no page is in them

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_the_VMMs_own_stays_so_however_many_frames_come_and_go(bool fromTheStart)
    {
        FakeFrameTable table = new();
        table.Add(fromTheStart ? default : Page());
        if (!fromTheStart)
        {
            table.Retire(0);
            table[0] = new FakeFrame(FrameKind.Rom);
        }

        for (int i = 1; i < Many; i++)
        {
            table.Add(Page());
            table.Retire(i);
        }

        Assert.Equal(fromTheStart ? FrameKind.Hole : FrameKind.Rom, table[0].Kind);
        Assert.Equal(FrameKind.Stale, table[200].Kind);
    }

    private static FakeFrame Page() => new(FrameKind.Page, new FakeMapping(new GuestVirtualAddress(0x1000), GuestPage.Size, FakeMappingKind.Process, 1), 0, 1);
}
