namespace Hypercall.Native.Tests.Memory;

[Collection(WholeMachine.Name)]
public sealed class CompactionTests(ITestOutputHelper output)
{
    private const long Length = 8 << 20;

    [Fact]
    public void Compaction_moves_locked_pages_and_none_that_io_uring_pins()
    {
        Host.NeedsFrames();
        Host.NeedsIoUring();
        MovesLockedPagesOnly(PinningMechanism.IoUring);
    }

    [Fact]
    public void Compaction_moves_locked_pages_and_none_of_a_ramfs()
    {
        Host.NeedsFrames();
        Host.NeedsRamFs();
        MovesLockedPagesOnly(PinningMechanism.RamFs);
    }

    [Fact]
    public void Compaction_does_not_move_the_pages_of_a_pinned_window()
    {
        Host.NeedsFrames();
        Host.NeedsIoUring();
        NativeGuestMemory memory = new();
        byte[] array = GC.AllocateUninitializedArray<byte>((int)Length, pinned: true);
        using FragmentedMemory fragments = new(1 << 30);
        using GuestBuffer window = memory.OpenWindow(array.AsMemory(123), GuestBufferOptions.Default);
        GuestFrameNumber[] before = Host.Frames(window);
        FragmentedMemory.Compact();
        Assert.Equal(before, Host.Frames(window));
    }

    private void MovesLockedPagesOnly(PinningMechanism mechanism)
    {
        NativeGuestMemory memory = new(null, mechanism);
        int moved = 0;
        for (int round = 0; round < 10 && moved == 0; round++)
        {
            using FragmentedMemory fragments = new(1 << 30);
            using GuestBuffer locked = memory.Allocate(Length, Residency.Locked);
            using GuestBuffer pinned = memory.Allocate(Length, Residency.Pinned);
            Random.Shared.NextBytes(pinned.Span);
            byte[] content = pinned.Span.ToArray();
            GuestFrameNumber[] lockedBefore = Host.Frames(locked);
            GuestFrameNumber[] pinnedBefore = Host.Frames(pinned);
            FragmentedMemory.Compact();
            moved = Moved(lockedBefore, Host.Frames(locked));
            int pinnedMoved = Moved(pinnedBefore, Host.Frames(pinned));
            output.WriteLine($"{mechanism}: {moved} of {lockedBefore.Length} locked pages moved, {pinnedMoved} of {pinnedBefore.Length} pinned pages moved");
            Assert.Equal(0, pinnedMoved);
            Assert.True(pinned.Span.SequenceEqual(content));
        }

        Assert.True(moved > 0, "Ten compactions of fragmented memory moved no locked page: nothing was shown.");
    }

    private static int Moved(GuestFrameNumber[] before, GuestFrameNumber[] after) => before.Zip(after).Count(pair => pair.First != pair.Second);
}
