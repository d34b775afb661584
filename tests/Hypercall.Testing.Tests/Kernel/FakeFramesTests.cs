namespace Hypercall.Testing.Tests;

public sealed class FakeFramesTests
{
    private const ulong RunBase = 0x10_0000_0000;
    private const ulong RunLimit = 1ul << 40;

    [Theory]
    [InlineData(0xFFFul, false)]
    [InlineData(0x1000ul, true)]
    [InlineData(0x8_0FFFul, true)]
    [InlineData(0x8_1000ul, false)]
    [InlineData(0xF_FFFFul, false)]
    [InlineData(0x10_0000ul, true)]
    [InlineData(0x8_000F_FFFFul, true)]
    [InlineData(0x8_0010_0000ul, false)]
    [InlineData(RunBase - 1, false)]
    [InlineData(RunBase, true)]
    [InlineData(RunLimit - 1, true)]
    [InlineData(RunLimit, false)]
    public void Memory_is_where_frames_are_handed_out(ulong frame, bool isMemory) =>
        Assert.Equal(isMemory, FakeFrames.IsMemory(frame));

    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul)]
    [InlineData(0x1234_5678_9ABC_DEF0ul)]
    public void A_frame_knows_the_how_manieth_it_was_once_it_was_handed_out(ulong seed)
    {
        FakeFrames future = new(seed);
        ulong[] frames = [.. Enumerable.Range(0, 1000).Select(_ => future.Next())];
        FakeFrames free = new(seed);
        for (int i = 0; i < frames.Length; i++)
        {
            Assert.Equal(-1, free.IndexOf(frames[i]));
            Assert.Equal(frames[i], free.Next());
            Assert.Equal(i, free.IndexOf(frames[i]));
            Assert.Equal(-1, free.IndexOf(frames[i] + 1));
        }

        Assert.All(frames, frame => Assert.True(frame % 2 == 0 && FakeFrames.IsMemory(frame)));
        Assert.All(frames.Where((_, i) => i % 4 == 0), frame => Assert.InRange(frame, 0x1000ul, 0x8_0FFFul));
        Assert.All(frames.Where((_, i) => i % 4 != 0), frame => Assert.InRange(frame, 0x10_0000ul, 0x8_000F_FFFFul));
        Assert.Equal(-1, free.IndexOf(RunBase));
    }

    [Fact]
    public void Runs_start_at_2_MiB_or_at_1_GiB_and_a_frame_of_somebody_else_is_behind_each()
    {
        FakeFrames free = new(0);
        Assert.Equal(RunBase, free.NextRun(1));
        Assert.Equal(RunBase + 512, free.NextRun(511));
        Assert.Equal(RunBase + 1024, free.NextRun(512));
        Assert.Equal(RunBase + 2048, free.NextRun((512 * 512) - 1));
        Assert.Equal(RunBase + (2 * 512 * 512), free.NextRun(512 * 512));
        Assert.Equal(RunBase + (3 * 512 * 512) + 512, free.NextRun(1));
    }

    [Fact]
    public void The_last_run_ends_where_the_address_space_does()
    {
        FakeFrames free = new(0);
        Assert.Equal(0ul, free.NextRun((long)(RunLimit - RunBase)));
        Assert.Equal(RunBase, free.NextRun((long)(RunLimit - RunBase) - 512));
        Assert.Equal(0ul, free.NextRun(1));
    }
}
