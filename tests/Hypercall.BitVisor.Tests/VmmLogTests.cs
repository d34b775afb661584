using System.Buffers.Binary;
using System.Text;
using FsCheck.Xunit;
using Hypercall.BitVisor;
using Hypercall.Testing;

namespace Hypercall.Tests.BitVisor;

/// <summary>The VMM's log as text, of builds that count and of builds that do not.</summary>
public sealed class VmmLogTests : IDisposable
{
    private const int Capacity = 16;

    private readonly FakeMachine _fake = new();
    private readonly List<IDisposable> _owned = [];

    public void Dispose() => _owned.Reverse<IDisposable>().ToList().ForEach(one => one.Dispose());

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Text_is_read_once_as_it_comes(bool counts)
    {
        (VmmLog log, FakeLogRing ring, _) = Start(counts);
        Assert.Equal("", log.Read().Text);
        ring.Write("a");
        Assert.Equal("a", log.Read().Text);
        ring.Write("one\n");
        ring.Write("two");
        Assert.Equal("one\ntwo", log.Read().Text);
        VmmLogText nothing = log.Read();
        Assert.Equal(("", false, 0L), (nothing.Text, nothing.IsOverwritten, nothing.BytesLost));
    }

    [Property]
    public void Whatever_is_read_often_enough_arrives_whole_and_in_order(bool counts, byte[] lengths, int seed)
    {
        Random random = new(seed);
        (VmmLog log, FakeLogRing ring, _) = Start(counts);
        StringBuilder written = new();
        StringBuilder read = new();
        foreach (byte length in lengths)
        {
            int room = Capacity - 1;
            foreach (int part in (int[])[length % room, random.Next(room)])
            {
                if (part >= room)
                {
                    break;
                }

                string text = string.Concat(Enumerable.Range(0, part).Select(_ => (char)random.Next('!', '~')));
                _ = written.Append(text);
                ring.Write(text);
                room -= part;
            }

            VmmLogText taken = log.Read();
            Assert.False(taken.IsOverwritten);
            Assert.Equal(0, taken.BytesLost);
            _ = read.Append(taken.Text);
        }

        Assert.Equal(written.ToString(), read.ToString());
    }

    [Fact]
    public void A_VMM_that_counts_tells_how_much_was_overwritten()
    {
        (VmmLog log, FakeLogRing ring, GuestBuffer memory) = Start(counts: true);
        ring.Write("abc");
        _ = log.Read();
        ring.Write("0123456789abcdefghijk");
        VmmLogText text = log.Read();
        Assert.Equal(("56789abcdefghijk", true, 5L), (text.Text, text.IsOverwritten, text.BytesLost));
        ring.Write("on");
        Assert.Equal("on", log.Read().Text);
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32LittleEndian(memory.Span));
    }

    [Fact]
    public void A_VMM_that_does_not_count_leaves_a_full_ring_which_is_told_and_text_goes_on_after_it()
    {
        (VmmLog log, FakeLogRing ring, _) = Start(counts: false);
        ring.Write("abc");
        _ = log.Read();
        ring.Write("0123456789abcdefghijk");
        VmmLogText text = log.Read();
        Assert.True(text.IsOverwritten);
        Assert.Null(text.BytesLost);
        Assert.Equal("56789abcdefghijk".Order(), text.Text.Order());
        ring.Write("goes on");
        ring.Write(" and on");
        text = log.Read();
        Assert.Equal(("goes on and on", false), (text.Text, text.IsOverwritten));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NULs_are_left_out_and_stop_nothing(bool counts)
    {
        (VmmLog log, FakeLogRing ring, _) = Start(counts);
        ring.Write("a\0\0b");
        Assert.Equal("ab", log.Read().Text);
        ring.Write("c");
        Assert.Equal("c", log.Read().Text);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_character_of_several_bytes_may_come_in_parts(bool counts)
    {
        (VmmLog log, FakeLogRing ring, _) = Start(counts);
        byte[] bytes = Encoding.UTF8.GetBytes("é");
        ring.Write(bytes.AsSpan(0, 1));
        Assert.Equal("", log.Read().Text);
        ring.Write(bytes.AsSpan(1));
        Assert.Equal("é", log.Read().Text);
    }

    // Its count is 1 when a reader looks each time a byte came: as that of a build that does not count may be.
    [Fact]
    public void A_count_of_one_proves_nothing()
    {
        (VmmLog log, FakeLogRing ring, GuestBuffer memory) = Start(counts: false);
        BinaryPrimitives.WriteUInt32LittleEndian(memory.Span, 1); // old AND 1 of 1 is 1
        ring.Write("one");
        Assert.Equal("one", log.Read().Text);
        ring.Write("two");
        Assert.Equal("two", log.Read().Text);
    }

    [Fact]
    public void The_ring_is_leased_while_the_VMM_has_it_and_given_back()
    {
        (VmmLog log, FakeLogRing ring, GuestBuffer memory) = Start(counts: true);
        Assert.True(ring.IsSet);
        _ = Assert.Throws<InvalidOperationException>(memory.Dispose);
        log.Dispose();
        log.Dispose();
        Assert.False(ring.IsSet);
        _ = Assert.Throws<ObjectDisposedException>(log.Read);
        memory.Dispose();
    }

    [Fact]
    public void A_ring_that_cannot_be_given_back_stays_leased()
    {
        SwitchedChannel channel = new(_fake.OpenKernelChannel());
        (VmmLog log, _, GuestBuffer memory) = Start(counts: true, channel);
        channel.IsOff = true;
        log.Dispose();
        _ = Assert.Throws<InvalidOperationException>(memory.Dispose);
        channel.IsOff = false;
        Assert.True(memory.IsLeased);
    }

    [Fact]
    public void A_ring_that_is_only_locked_is_refused_before_the_VMM_hears_of_it()
    {
        FakeLogRing ring = new();
        _ = _fake.On("log_set_buf", ring.Answer);
        using GuestBuffer memory = _fake.Memory.Allocate(4096, Residency.Locked);
        _ = Assert.Throws<GuestMemoryException>(() => VmmLog.Start(Kernel(_fake.OpenKernelChannel()), memory));
        Assert.False(ring.IsSet);
    }

    [Fact]
    public void A_VMM_without_a_log_says_so()
    {
        using GuestBuffer memory = _fake.Memory.Allocate(4096);
        _ = Assert.Throws<VmmFunctionNotFoundException>(() => VmmLog.Start(Kernel(_fake.OpenKernelChannel()), memory));
    }

    [Theory]
    [InlineData(4)]
    [InlineData((16 << 20) + 1)]
    public void A_ring_without_room_and_one_that_is_too_long_are_refused(long length)
    {
        using GuestBuffer memory = _fake.Memory.Allocate(length, Residency.Touched);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => VmmLog.Start(Kernel(_fake.OpenKernelChannel()), memory));
    }

    [Fact]
    public async Task Followed_it_gives_what_comes_until_it_is_cancelled()
    {
        (VmmLog log, FakeLogRing ring, _) = Start(counts: false);
        using CancellationTokenSource cancellation = new();
        ring.Write("one");
        List<string> texts = [];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (VmmLogText text in log.FollowAsync(TimeSpan.FromMilliseconds(1), cancellationToken: cancellation.Token))
            {
                texts.Add(text.Text);
                if (texts.Count == 1)
                {
                    ring.Write("two");
                }
                else
                {
                    await cancellation.CancelAsync();
                }
            }
        });
        Assert.Equal(["one", "two"], texts);
    }

    [Fact]
    public void A_channel_that_does_not_carry_a_name_makes_no_client()
    {
        IHypercallMachine machine = _fake.WithChannel(new NarrowChannel());
        ArgumentException error = Assert.Throws<ArgumentException>(() => new BitVisorClient(machine));
        Assert.Contains("this channel carries RAX, RDI", error.Message, StringComparison.Ordinal);
    }

    private (VmmLog Log, FakeLogRing Ring, GuestBuffer Memory) Start(bool counts, IHypercallChannel? channel = null)
    {
        FakeLogRing ring = new() { Counts = counts };
        _ = _fake.On("log_set_buf", ring.Answer);
        GuestBuffer memory = _fake.Memory.Allocate(4 + Capacity, Residency.Pinned);
        VmmLog log = VmmLog.Start(Kernel(channel ?? _fake.OpenKernelChannel()), memory);
        _owned.Add(log);
        return (log, ring, memory);
    }

    private BitVisorClient Kernel(IHypercallChannel channel) => new(_fake.WithChannel(channel));

    private sealed class SwitchedChannel(IHypercallChannel inner) : IHypercallChannel
    {
        public bool IsOff { get; set; }

        public HypercallStatus TryInvoke(ref HypercallRegisters registers) => IsOff
            ? HypercallStatus.Refused(new ChannelRefusal("a channel", "it is off", "Switch it on."))
            : inner.TryInvoke(ref registers);
    }

    private sealed class NarrowChannel : IHypercallChannel
    {
        public RegisterSet Carries => RegisterSet.Of(GeneralRegister.Rax, GeneralRegister.Rdi);

        public HypercallStatus TryInvoke(ref HypercallRegisters registers) => throw new InvalidOperationException("It was called.");
    }
}
