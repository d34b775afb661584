namespace Hypercall.Testing.Tests;

public sealed class FakePhysicalMemoryTests
{
    private const ulong Run = 0x10_0000_0000;
    private const ulong Rom = 0x2000;

    private static readonly FakeMachineOptions Options = new()
    {
        Seed = 3,
        Rom = [new(new GuestFrameNumber(Rom).Address, 2 * GuestPage.Size)],
    };

    private readonly FakePhysicalMemory _memory = new(Options);

    [Fact]
    public void A_frame_is_what_lies_there()
    {
        FrameKind[] around = [FrameKind.Somebody, FrameKind.Rom, FrameKind.Rom, FrameKind.Somebody];
        Assert.Equal(around, Enumerable.Range(-1, 4).Select(i => _memory[Rom + (ulong)i].Kind));
        Assert.Equal(FrameKind.Hole, _memory[0].Kind);
        Assert.Equal(FrameKind.Zero, _memory[FakePhysicalMemory.ZeroFrame].Kind);
        Assert.Equal(FrameKind.Hole, _memory[FakePhysicalMemory.ZeroFrame + 1].Kind);
        ulong table = _memory.AllocateTable(out ulong[] entries);
        Assert.Equal((FakePhysicalMemory.ZeroFrame + 1, FrameKind.Table, 512), (table, _memory[table].Kind, entries.Length));
        Assert.Same(entries, _memory.FindTable(table));
        Assert.Null(_memory.FindTable(table + 1));
        Assert.Null(_memory.FindTable(table - 1));
    }

    [Fact]
    public void What_a_VMM_owns_is_given_to_no_page()
    {
        ulong[] next = Next(4);
        Assert.True(_memory.MakeRom(next[0]));
        Assert.True(_memory.MakeRom(next[2]));
        FakeMapping mapping = Mapping(2);
        Assert.Equal([next[1], next[3]], [_memory.Put(mapping, 0), _memory.Put(mapping, 1)]);
        Assert.Equal([FrameKind.Rom, FrameKind.Page, FrameKind.Rom, FrameKind.Page], next.Select(frame => _memory[frame].Kind));
        Assert.Equal(new FakeFrame(FrameKind.Page, mapping, 1, 9), _memory[next[3]]);
    }

    [Fact]
    public void A_VMM_owns_only_what_the_guest_does_not_use()
    {
        ulong page = _memory.Put(Mapping(1), 0);
        Assert.False(_memory.MakeRom(page));
        _memory.Share(page);
        Assert.False(_memory.MakeRom(page));
        _memory.Retire(page);
        Assert.True(_memory.MakeRom(page));
        Assert.False(_memory.MakeRom(page));
        ulong table = _memory.AllocateTable(out _);
        Assert.All([0ul, Rom, FakePhysicalMemory.ZeroFrame, table], frame => Assert.False(_memory.MakeRom(frame)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_page_may_share_its_frame_and_leave_it(bool isScattered)
    {
        FakeMapping mapping = Mapping(2);
        ulong frame = isScattered ? _memory.Put(mapping, 1) : Run;
        if (!isScattered)
        {
            _memory.Put(mapping, 0, frame - 1, 2);
            Assert.Equal(new FakeFrame(FrameKind.Page, mapping, 0, 9), _memory[frame - 1]);
        }

        Assert.Equal(new FakeFrame(FrameKind.Page, mapping, 1, 9), _memory[frame]);
        _memory.Share(frame);
        Assert.Equal(new FakeFrame(FrameKind.Shared, mapping, 1, 9), _memory[frame]);
        _memory.Retire(frame);
        Assert.Equal(new FakeFrame(FrameKind.Stale, null, 1, 9), _memory[frame]);
        _memory.Retire(frame);
        _memory.Share(frame);
        Assert.Equal(new FakeFrame(FrameKind.Stale, null, 1, 9), _memory[frame]);
    }

    [Fact]
    public void Of_frames_in_a_row_the_last_65536_that_were_left_are_remembered()
    {
        const int Most = 1 << 16;
        _memory.Put(Mapping(Most + 2), 0, Run, Most + 2);
        for (ulong i = 0; i < Most + 1; i++)
        {
            Assert.Equal(FrameKind.Page, _memory[Run + i].Kind);
            _memory.Retire(Run + i);
            Assert.Equal(FrameKind.Stale, _memory[Run + i].Kind);
        }

        FrameKind[] kinds = [_memory[Run].Kind, _memory[Run + 1].Kind, _memory[Run + Most + 1].Kind];
        Assert.Equal([FrameKind.Somebody, FrameKind.Stale, FrameKind.Page], kinds);
    }

    [Fact]
    public void Nobody_knows_what_no_page_is_in()
    {
        _memory.Retire(Run);
        _memory.Share(Run);
        Assert.Equal(FrameKind.Somebody, _memory[Run].Kind);
    }

    [Fact]
    public void Bytes_of_others_are_the_same_in_every_run_and_different_in_every_frame()
    {
        byte[] whole = Read(_memory, Run, 0, GuestPage.Size);
        Assert.Equal(whole, Read(new FakePhysicalMemory(Options), Run, 0, GuestPage.Size));
        Assert.NotEqual(whole, Read(new FakePhysicalMemory(new FakeMachineOptions { Seed = 4 }), Run, 0, GuestPage.Size));
        Assert.NotEqual(whole, Read(_memory, Run + 1, 0, GuestPage.Size));
        Assert.All([(0, 1), (3, 20), (7, 2), (8, 8), (4095, 1)], part =>
            Assert.Equal(whole[part.Item1..(part.Item1 + part.Item2)], Read(_memory, Run, part.Item1, part.Item2)));
        Assert.Equal(512, whole.Chunk(8).Select(word => BitConverter.ToUInt64(word)).Distinct().Count());
    }

    [Fact]
    public void The_zero_page_is_zero_and_a_table_reads_as_its_entries()
    {
        ulong table = _memory.AllocateTable(out ulong[] entries);
        entries[1] = 0x0807_0605_0403_0201;
        Assert.Equal([2, 3, 4], Read(_memory, table, 9, 3));
        Assert.Equal(new byte[GuestPage.Size], Read(_memory, FakePhysicalMemory.ZeroFrame, 0, GuestPage.Size));
    }

    private static byte[] Read(FakePhysicalMemory memory, ulong frame, int offset, int length)
    {
        byte[] bytes = [.. Enumerable.Repeat((byte)0x11, length)];
        memory.ReadOthers(frame, offset, bytes);
        return bytes;
    }

    private static FakeMapping Mapping(int pages) =>
        new(new GuestVirtualAddress(0x1000), (long)pages << GuestPage.Shift, FakeMappingKind.Process, buffer: 9);

    private static ulong[] Next(int count)
    {
        FakePhysicalMemory future = new(Options);
        FakeMapping mapping = Mapping(count);
        return [.. Enumerable.Range(0, count).Select(page => future.Put(mapping, page))];
    }
}
