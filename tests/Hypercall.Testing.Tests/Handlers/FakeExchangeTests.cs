using FsCheck.Xunit;
using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests.Handlers;

/// <summary>A program that says "success" is held to it, and one that tries again properly is not accused.</summary>
public class FakeExchangeTests
{
    public static TheoryData<FakeTechnique, Direction> Everything()
    {
        TheoryData<FakeTechnique, Direction> all = [];
        foreach (FakeTechnique technique in Enum.GetValues<FakeTechnique>())
        {
            foreach (Direction direction in Enum.GetValues<Direction>())
            {
                all.Add(technique, direction);
            }
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void What_arrived_may_be_claimed_once(FakeTechnique technique, Direction direction)
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x");
        using GuestBuffer buffer = FakeHandlersTests.Buffer(vmm, technique, 10_000);
        byte[] before = FakeHandlersTests.Fill(buffer);
        BitVisorClient client = new(vmm);

        TransferResult result = client.GetFunction(exchange.NameOf(technique))
            .Transfer(buffer, FakeHandlersTests.PassingOf(technique), direction, FakeHandlers.Rule, FakeExchange.Options(direction));

        Assert.True(result.IsCompleted);
        byte[] after = buffer.Span.ToArray();
        Assert.Equal(direction == Direction.FromVmm ? [] : before, exchange.Received.ToArray());
        Assert.Equal(direction == Direction.ToVmm ? [] : after, exchange.Sent.ToArray());
        Assert.Equal(direction == Direction.ToVmm, after.SequenceEqual(before));
        exchange.Claim(before, after, direction);
        FakeMachineException twice = OracleAssert.Speaks(FakeOracle.DataLost, () => exchange.Claim(before, after, direction));
        Assert.Contains("0 bytes in 0 calls", twice.Message, StringComparison.Ordinal);
        Assert.Equal(FakeOracle.DataLost, twice.Oracle);
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void By_convention_and_number_it_is_the_same(FakeTechnique technique, Direction direction)
    {
        FakeMachine vmm = new(new FakeMachineOptions { Personality = FakeVmmPersonality.Xen, Cpl = 0 });
        TransferLayout layout = new(1, 1, length: 3); // so that arguments 0, 2 and 4 are the function's own
        FakeExchange exchange = FakeExchange.AddByNumber(vmm, HypercallConvention.Xen, 40, layout);
        using GuestBuffer buffer = FakeHandlersTests.Buffer(vmm, technique, 10_000);
        byte[] before = FakeHandlersTests.Fill(buffer);

        HypercallFunction function = new(vmm, HypercallConvention.Xen, exchange.NumberOf(technique), layout: layout);
        TransferResult result = function.Transfer(
            buffer,
            FakeHandlersTests.PassingOf(technique),
            direction,
            FakeHandlers.Rule,
            FakeExchange.Options(direction));

        Assert.True(result.IsCompleted);
        Assert.Equal(direction == Direction.FromVmm ? [] : before, exchange.Received.ToArray());
        exchange.Claim(before, buffer.Span, direction);
        _ = OracleAssert.Speaks(FakeOracle.DataLost, () => exchange.Claim(before, buffer.Span, direction));
    }

    [Fact]
    public void Where_no_argument_is_left_the_direction_is_the_default()
    {
        FakeMachine vmm = new(FakeVmmPersonality.Nyx);
        FakeExchange exchange = FakeExchange.AddByNumber(
            vmm, HypercallConvention.Nyx, 100, TransferLayout.Address(0), direction: Direction.ToVmm);
        using GuestBuffer buffer = vmm.Memory.Allocate(GuestPage.Size, Residency.Touched);
        byte[] before = FakeHandlersTests.Fill(buffer);
        ulong number = exchange.NumberOf(FakeTechnique.Virtual);
        _ = new HypercallFunction(vmm, HypercallConvention.Nyx, number).Call(buffer.Address.Value);
        Assert.Empty(exchange.Sent.ToArray());
        exchange.Claim(before, [], Direction.ToVmm);
    }

    [Fact]
    public void Four_numbers_follow_each_other_and_names_are_for_names()
    {
        FakeMachine vmm = new();
        FakeExchange numbered = FakeExchange.AddByNumber(vmm, HypercallConvention.BitVisor, 60);
        Assert.Equal("BitVisor 60", numbered.Name);
        Assert.Equal([60u, 62u, 62u, 63u], Enum.GetValues<FakeTechnique>().Select(numbered.NumberOf));
        FakeExchange named = FakeExchange.AddTo(vmm, "x");
        Exception e = Assert.Throws<InvalidOperationException>(() => numbered.NameOf(FakeTechnique.Virtual));
        Assert.Contains("have no names", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<InvalidOperationException>(() => named.NumberOf(FakeTechnique.Virtual));
        Assert.Contains("called by name", e.Message, StringComparison.Ordinal);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => numbered.NumberOf((FakeTechnique)9));
        _ = Assert.Throws<ArgumentException>("layout", () => FakeExchange.AddByNumber(vmm, HypercallConvention.Xen, 1)); // it has none
        _ = Assert.Throws<ArgumentException>(
            () => FakeExchange.AddByNumber(vmm, HypercallConvention.Nyx, 1, TransferLayout.AddressAndLength));
        _ = Assert.Throws<ArgumentOutOfRangeException>(
            () => FakeExchange.AddByNumber(vmm, HypercallConvention.BitVisor, ulong.MaxValue - 2));
        _ = Assert.Throws<ArgumentOutOfRangeException>(
            () => FakeExchange.AddByNumber(vmm, HypercallConvention.Vmware, 0xFFFD, TransferLayout.Address(0)));
    }

    [Fact]
    public void A_copy_that_stopped_part_way_and_is_claimed_whole_is_found_out()
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x");
        using GuestBuffer buffer = vmm.Memory.Allocate(3 * 4096, Residency.Touched);
        byte[] before = FakeHandlersTests.Fill(buffer);
        vmm.Memory.SwapOut(buffer, 2);

        _ = new BitVisorClient(vmm).GetFunction("x_gva").Call(buffer.Address.Value, 3 * 4096, (ulong)Direction.ToVmm);

        FakeMachineException lost = OracleAssert.Speaks(FakeOracle.DataLost, () => exchange.Claim(before, [], Direction.ToVmm));
        Assert.Contains("received 8192 bytes in 1 call,", lost.Message, StringComparison.Ordinal);
        Assert.Contains("12288 bytes that it sent: byte 8192 is the first", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_wrong_byte_that_came_back_is_named()
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x");
        using GuestBuffer buffer = vmm.Memory.Allocate(5000, Residency.Touched);
        _ = new BitVisorClient(vmm).GetFunction("x_gvab").Transfer(buffer, Passing.Virtual, Direction.FromVmm, FakeHandlers.Rule, FakeExchange.Options(Direction.FromVmm));
        byte[] after = buffer.Span.ToArray();
        after[4321]++;

        FakeMachineException lost = OracleAssert.Speaks(FakeOracle.DataLost, () => exchange.Claim([], after, Direction.FromVmm));
        Assert.Contains("the VMM wrote 5000 bytes in 1 call", lost.Message, StringComparison.Ordinal);
        Assert.Contains("byte 4321 ", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_than_was_claimed_is_found_out_too()
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x");
        using GuestBuffer buffer = vmm.Memory.Allocate(100, Residency.Touched);
        byte[] before = FakeHandlersTests.Fill(buffer);
        _ = new BitVisorClient(vmm).GetFunction("x_gva").Call(buffer.Address.Value, 100, (ulong)Direction.ToVmm);

        FakeMachineException lost = OracleAssert.Speaks(
            FakeOracle.DataLost,
            () => exchange.Claim(before.AsSpan(0, 99), [], Direction.ToVmm));
        Assert.Contains("more than the 99 bytes", lost.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_program_that_tries_again_is_not_accused(bool fromTheStart)
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x", direction: Direction.ToVmm);
        using GuestBuffer buffer = vmm.Memory.Allocate(3 * 4096, Residency.Touched);
        byte[] before = FakeHandlersTests.Fill(buffer);
        vmm.Memory.SwapOut(buffer, 1);
        HypercallFunction send = new BitVisorClient(vmm).GetFunction("x_gva");

        long done = (long)send.Call(buffer.Address.Value, (ulong)before.Length).Rcx;
        Assert.Equal(4096, done);
        long from = fromTheStart ? 0 : done;
        Assert.True(send.Transfer(new GuestSlice(buffer, from, before.Length - from), Passing.Virtual, Direction.ToVmm, FakeHandlers.Rule, FakeExchange.Options(Direction.ToVmm)).IsCompleted);

        exchange.Claim(before, [], Direction.ToVmm);
    }

    [Fact]
    public void A_call_whose_answer_never_reached_the_program_may_be_made_again()
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x", direction: Direction.ToVmm);
        using GuestBuffer buffer = vmm.Memory.Allocate(3 * 4096, Residency.Touched);
        byte[] before = FakeHandlersTests.Fill(buffer);
        HypercallFunction send = new BitVisorClient(vmm).GetFunction("x_gva");

        foreach (int page in (int[])[0, 1, 1, 2]) // one of the middle ones counts, neither the first two nor the last three
        {
            _ = send.Call(buffer.Address.Value + (ulong)(page * 4096), 4096);
        }

        exchange.Claim(before, [], Direction.ToVmm);
    }

    [Property(MaxTest = 200)]
    public void Whoever_sends_all_bytes_in_their_order_is_not_accused_however_often_it_begins_anew(int seed, bool uniform)
    {
        Random random = new(seed);
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x", direction: Direction.ToVmm);
        using GuestBuffer buffer = vmm.Memory.Allocate(random.Next(1, 10_000), Residency.Touched);
        byte[] data = uniform ? buffer.Span.ToArray() : FakeHandlersTests.Fill(buffer);
        HypercallFunction send = new BitVisorClient(vmm).GetFunction("x_gva");
        for (int done = 0; done < data.Length;)
        {
            int length = Math.Min(data.Length - done, random.Next(500, 5000));
            _ = send.Call(buffer.Address.Value + (ulong)done, (ulong)length);
            done = random.Next(12) switch
            {
                0 => 0,           // the whole attempt is lost, and made again
                1 => done,        // the answer is lost, and the call made again
                _ => done + length,
            };
        }

        byte[] wrong = [.. data];
        wrong[random.Next(wrong.Length)]++;
        exchange.Claim(data, [], Direction.ToVmm);
        _ = send.Call(buffer.Address.Value, (ulong)data.Length);
        _ = OracleAssert.Speaks(FakeOracle.DataLost, () => exchange.Claim(wrong, [], Direction.ToVmm));
    }

    [Fact]
    public void Calls_in_the_wrong_order_are_no_transfer()
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x", direction: Direction.ToVmm);
        using GuestBuffer buffer = vmm.Memory.Allocate(2 * 4096, Residency.Touched);
        byte[] before = FakeHandlersTests.Fill(buffer);
        HypercallFunction send = new BitVisorClient(vmm).GetFunction("x_gva");

        _ = send.Call(buffer.Address.Value + 4096, 4096);
        _ = send.Call(buffer.Address.Value, 4096);

        FakeMachineException lost = OracleAssert.Speaks(FakeOracle.DataLost, () => exchange.Claim(before, [], Direction.ToVmm));
        Assert.Contains("byte 4096 ", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_forgotten_cannot_be_claimed()
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x");
        using GuestBuffer buffer = vmm.Memory.Allocate(10, Residency.Touched);
        byte[] before = FakeHandlersTests.Fill(buffer);
        _ = new BitVisorClient(vmm).GetFunction("x_gva").Call(buffer.Address.Value, 10, (ulong)Direction.ToVmm);

        exchange.Reset();

        Assert.True(exchange.Received.IsEmpty);
        _ = OracleAssert.Speaks(FakeOracle.DataLost, () => exchange.Claim(before, [], Direction.ToVmm));
    }

    [Fact]
    public void Injected_page_faults_are_no_transfers()
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x", absentPages: AbsentPagePolicy.InjectPageFault);
        using GuestBuffer buffer = vmm.Memory.Allocate(2 * 4096, Residency.Touched);
        byte[] before = FakeHandlersTests.Fill(buffer);
        vmm.Memory.SwapOut(buffer);

        Assert.Equal(8192ul, new BitVisorClient(vmm).GetFunction("x_gva").Call(buffer.Address.Value, 8192).Rcx);

        Assert.Equal(before, exchange.Received.ToArray());
        exchange.Claim(before, buffer.Span);
    }

    [Fact]
    public void Its_own_transform_does_what_a_test_wants()
    {
        FakeMachine vmm = new();
        FakeExchange exchange = FakeExchange.AddTo(vmm, "upper", FakeHandlers.ToUpper);
        using GuestBuffer buffer = vmm.Memory.Allocate(5, Residency.Touched);
        "a{Z`z"u8.CopyTo(buffer.Span);

        _ = new BitVisorClient(vmm).GetFunction("upper_gva").Transfer(buffer, Passing.Virtual, Direction.Both, FakeHandlers.Rule, FakeExchange.Options());

        Assert.Equal("A{Z`Z"u8.ToArray(), buffer.Span.ToArray());
        exchange.Claim("a{Z`z"u8, buffer.Span);
    }

    [Fact]
    public void By_itself_it_changes_every_byte_and_never_in_the_same_way()
    {
        FakeMachine vmm = new();
        _ = FakeExchange.AddTo(vmm, "x");
        using GuestBuffer buffer = vmm.Memory.Allocate(4096, Residency.Touched);
        HypercallFunction both = new BitVisorClient(vmm).GetFunction("x_gva");
        byte[] zero = new byte[4096];

        _ = both.Call(buffer.Address.Value, 4096);
        byte[] once = buffer.Span.ToArray();
        zero.CopyTo(buffer.Span);
        _ = both.Call(buffer.Address.Value, 4096);

        Assert.DoesNotContain((byte)0, once);
        Assert.NotEqual(once, buffer.Span.ToArray());
    }
}
