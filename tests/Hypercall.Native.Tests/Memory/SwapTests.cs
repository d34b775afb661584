namespace Hypercall.Native.Tests.Memory;

[Collection(WholeMachine.Name)]
public sealed class SwapTests
{
    private const int AdvisePageOut = 21; // MADV_PAGEOUT, asm-generic/mman-common.h
    private const long Length = 4 << 20;
    private const int Pages = (int)(Length / GuestPage.Size);

    [Fact]
    public void Pages_that_were_swapped_out_translate_as_swapped_and_touching_brings_them_back()
    {
        Host.NeedsFrames();
        using SwapSpace swap = SwapSpace.Open();
        using GuestBuffer buffer = new NativeGuestMemory().Allocate(Length, Residency.Touched);
        Random random = new(1);
        random.NextBytes(buffer.Span);
        byte[] content = buffer.Span.ToArray();

        PushOut(buffer);
        Assert.Equal(Pages, Count(buffer, GuestPageState.Swapped));
        Assert.True(buffer.TryQueryPages(out GuestPageMap? map, out _));
        Assert.False(map.TryGetPagedRange(out _, out GuestMemoryRefusal? refusal));
        Assert.Equal(GuestMemoryRefusalReason.Swapped, refusal.Reason);

        buffer.Touch();
        Assert.Equal(Pages, Count(buffer, GuestPageState.Present));
        Assert.True(buffer.Span.SequenceEqual(content));
    }

    [Theory]
    [InlineData(Residency.Locked)]
    [InlineData(Residency.Pinned)]
    public void Pages_that_are_held_stay_present(Residency residency)
    {
        Host.NeedsFrames();
        using SwapSpace swap = SwapSpace.Open();
        using GuestBuffer buffer = new NativeGuestMemory().Allocate(Length, residency);
        PushOut(buffer);
        Assert.Equal(Pages, Count(buffer, GuestPageState.Present));
    }

    [Fact]
    public void Pages_of_a_ramfs_stay_present()
    {
        Host.NeedsFrames();
        Host.NeedsRamFs();
        using SwapSpace swap = SwapSpace.Open();
        using GuestBuffer buffer = new NativeGuestMemory(null, PinningMechanism.RamFs).Allocate(Length);
        PushOut(buffer);
        Assert.Equal(Pages, Count(buffer, GuestPageState.Present));
    }

    [Fact]
    public void A_window_brings_swapped_pages_back_and_holds_them()
    {
        Host.NeedsFrames();
        using SwapSpace swap = SwapSpace.Open();
        NativeGuestMemory memory = new();
        using GuestBuffer buffer = memory.Allocate(Length, Residency.Touched);
        PushOut(buffer);
        using GuestBuffer window = memory.OpenWindow(buffer.Memory, new GuestBufferOptions { Residency = Residency.Locked });
        Assert.Equal(Pages, Count(window, GuestPageState.Present));
        PushOut(window);
        Assert.Equal(Pages, Count(window, GuestPageState.Present));
    }

    private static void PushOut(GuestBuffer buffer) =>
        _ = LinuxMemory.Advise((nuint)buffer.Address.Value, (nuint)buffer.Length, AdvisePageOut); // mlocked: EINVAL, which is an answer too

    private static int Count(GuestBuffer buffer, GuestPageState state)
    {
        Assert.True(buffer.TryQueryPages(out GuestPageMap? map, out GuestMemoryRefusal? refusal), refusal?.Message);
        return map.Pages.ToArray().Count(page => page.State == state);
    }
}
