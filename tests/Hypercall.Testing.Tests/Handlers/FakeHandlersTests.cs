using System.Buffers.Binary;
using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests.Handlers;

/// <summary>The four techniques as a VMM does them.</summary>
public class FakeHandlersTests
{
    private static readonly TransferRule ByRule = FakeHandlers.Rule;

    public static TheoryData<FakeTechnique, Direction, int> Everything()
    {
        TheoryData<FakeTechnique, Direction, int> all = [];
        foreach (FakeTechnique technique in Enum.GetValues<FakeTechnique>())
        {
            foreach (Direction direction in Enum.GetValues<Direction>())
            {
                foreach (int length in (int[])[1, 4095, 4096, 4097, 3 * 4096, 10_000])
                {
                    all.Add(technique, direction, length);
                }
            }
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void Every_byte_goes_there_or_back_or_both(FakeTechnique technique, Direction direction, int length)
    {
        FakeMachine vmm = new();
        MemoryStream received = new();
        _ = vmm.On("plus", Handler(technique, (_, bytes) =>
        {
            received.Write(bytes);
            PlusOne(bytes);
        }, direction));
        using GuestBuffer buffer = Buffer(vmm, technique, length + 3);
        byte[] before = Fill(buffer);
        GuestSlice slice = new(buffer, 3, length); // begins inside a page

        TransferResult result = new BitVisorClient(vmm).GetFunction("plus").Transfer(slice, PassingOf(technique), direction, ByRule);

        Assert.True(result.IsCompleted, result.Message);
        byte[] sent = before[3..];
        Assert.Equal(direction == Direction.FromVmm ? new byte[length] : sent, received.ToArray());
        byte[] expected = direction switch
        {
            Direction.ToVmm => sent,
            Direction.FromVmm => [.. Enumerable.Repeat((byte)1, length)],
            _ => [.. sent.Select(b => (byte)(b + 1))],
        };
        Assert.Equal([.. before[..3], .. expected], buffer.Span.ToArray());
    }

    [Fact]
    public void A_frame_list_that_is_full_and_one_more_frame_takes_two_calls()
    {
        FakeMachine vmm = new();
        long received = 0;
        _ = vmm.On("count", FakeHandlers.ByFrameList((_, bytes) => received += bytes.Length, Direction.ToVmm));
        using GuestBuffer buffer = vmm.Memory.Allocate(512 * 4096, Residency.Pinned);

        TransferResult result = new BitVisorClient(vmm).GetFunction("count").Transfer(buffer, Passing.FrameList, Direction.ToVmm, ByRule);

        Assert.Equal((true, 2, 512 * 4096), (result.IsCompleted, result.Calls, received));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Stopping_at_an_absent_page_it_says_how_far_it_got(bool byteWise)
    {
        FakeMachine vmm = new FakeMachine().On("plus", FakeHandlers.ByVirtualAddress((_, bytes) => PlusOne(bytes), byteWise: byteWise));
        using GuestBuffer buffer = vmm.Memory.Allocate(3 * 4096, Residency.Touched);
        byte[] before = Fill(buffer);
        vmm.Memory.SwapOut(buffer, 1);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("plus").Call(buffer.Address.Value + 100, 8192);

        Assert.Equal((0ul, 3996ul), (answer.Rax, answer.Rcx));
        Assert.Equal([.. before[..100], .. before[100..4096].Select(b => (byte)(b + 1)), .. before[4096..]], buffer.Span.ToArray());
    }

    [Fact]
    public void Failing_at_an_absent_page_it_does_nothing_at_all()
    {
        FakeMachine vmm = new();
        int pieces = 0;
        _ = vmm.On("plus", FakeHandlers.ByVirtualAddress((_, _) => pieces++, absentPages: AbsentPagePolicy.Fail));
        using GuestBuffer buffer = vmm.Memory.Allocate(3 * 4096, Residency.Touched);
        vmm.Memory.SwapOut(buffer, 2);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("plus").Call(buffer.Address.Value, 3 * 4096);

        Assert.Equal((0ul, 0ul, 0), (answer.Rax, answer.Rcx, pieces));
    }

    [Theory]
    [InlineData(Direction.ToVmm, false)]
    [InlineData(Direction.FromVmm, false)]
    [InlineData(Direction.Both, false)]
    [InlineData(Direction.Both, true)]
    public void Injecting_a_page_fault_it_does_all_bytes_and_none_of_them_twice(Direction direction, bool byteWise)
    {
        FakeMachine vmm = new();
        int done = 0;
        int runs = 0;
        Action<FakeCall> handler = FakeHandlers.ByVirtualAddress((_, bytes) =>
        {
            PlusOne(bytes);
            done += bytes.Length;
        }, direction, AbsentPagePolicy.InjectPageFault, byteWise);
        _ = vmm.On("plus", call =>
        {
            runs++;
            handler(call);
        });
        using GuestBuffer buffer = vmm.Memory.Allocate(4 * 4096, Residency.Touched);
        byte[] before = Fill(buffer);
        vmm.Memory.SwapOut(buffer, 1);
        vmm.Memory.SwapOut(buffer, 3);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("plus").Call(buffer.Address.Value, 4 * 4096);

        Assert.Equal((0ul, 16384ul), (answer.Rax, answer.Rcx));
        Assert.Equal((16384, 3), (done, runs));
        Assert.Equal(
            direction switch
            {
                Direction.ToVmm => before,
                Direction.FromVmm => [.. Enumerable.Repeat((byte)1, before.Length)],
                _ => [.. before.Select(b => (byte)(b + 1))],
            },
            buffer.Span.ToArray());
    }

    [Fact]
    public void A_page_that_cannot_be_brought_in_gives_the_program_the_fault_and_no_byte_is_touched()
    {
        FakeMachine vmm = new();
        _ = vmm.On("f", FakeHandlers.ByVirtualAddress((_, _) => Assert.Fail("There is nothing to do."), absentPages: AbsentPagePolicy.InjectPageFault));
        using GuestBuffer buffer = vmm.Memory.Allocate(4096, Residency.Touched);
        HypercallRegisters registers = new() { Rbx = buffer.Address.Value, Rcx = 8192 }; // nothing is mapped behind it

        HypercallStatus status = new BitVisorClient(vmm).GetFunction("f").TryCall(ref registers);

        Assert.Equal(CpuFaultKind.PageFault, status.Fault.Kind);
        Assert.Equal(buffer.Address + 4096, status.Fault.Address);
    }

    [Theory]
    [InlineData(Direction.ToVmm, false)]
    [InlineData(Direction.Both, true)]
    public void A_read_only_page_is_brought_in_only_for_a_VMM_that_writes(Direction direction, bool injects)
    {
        FakeMachine vmm = new(new FakeMachineOptions
        {
            Plan = [new(FakeInjectionPoint.BeforeEntry(2), new FakeFault(FakeFaultKind.WriteProtect))],
        });
        int runs = 0;
        Action<FakeCall> handler = FakeHandlers.ByVirtualAddress((_, bytes) => PlusOne(bytes), direction, AbsentPagePolicy.InjectPageFault);
        _ = vmm.On("plus", call =>
        {
            runs++;
            handler(call);
        });
        using GuestBuffer buffer = vmm.Memory.Allocate(4096, Residency.Touched);
        byte[] before = Fill(buffer);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("plus").Call(buffer.Address.Value, 4096);

        Assert.Equal((0ul, 4096ul), (answer.Rax, answer.Rcx));
        Assert.Equal(injects ? 2 : 1, runs);
        Assert.Equal(injects ? [.. before.Select(b => (byte)(b + 1))] : before, buffer.Span.ToArray());
    }

    [Fact]
    public void Bytes_that_were_read_and_could_not_be_written_back_are_not_done()
    {
        // Walks 1 and 2 read and write page 0, 3 reads page 1, and 4 comes to write it.
        FakeMachine vmm = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeWalk(2, 4), new FakeFault(FakeFaultKind.WriteProtect))] });
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x");
        using GuestBuffer buffer = vmm.Memory.Allocate(2 * 4096, Residency.Touched);
        byte[] before = Fill(buffer);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("x_gva").Call(buffer.Address.Value, 2 * 4096);

        Assert.Equal((0ul, 4096ul), (answer.Rax, answer.Rcx));
        Assert.Equal((4096, 4096), (exchange.Received.Length, exchange.Sent.Length));
        Assert.Equal(before[4096..], buffer.Span[4096..].ToArray());
    }

    [Fact]
    public void A_page_that_goes_between_the_look_and_the_work_ends_the_work_part_way_and_is_not_done_twice()
    {
        // Walks 1 to 3 are the look; 4 and 5 read and write page 0, and 6 comes to page 1.
        FakeMachine vmm = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeWalk(2, 6), new FakeFault(FakeFaultKind.SwapOut))] });
        _ = vmm.On("plus", FakeHandlers.ByVirtualAddress((_, bytes) => PlusOne(bytes), absentPages: AbsentPagePolicy.InjectPageFault));
        using GuestBuffer buffer = vmm.Memory.Allocate(3 * 4096, Residency.Touched);
        byte[] before = Fill(buffer);
        HypercallFunction plus = new BitVisorClient(vmm).GetFunction("plus");

        HypercallResult answer = plus.Call(buffer.Address.Value, 3 * 4096);
        Assert.Equal((0ul, 4096ul), (answer.Rax, answer.Rcx));
        Assert.Equal(8192ul, plus.Call(buffer.Address.Value + 4096, 2 * 4096).Rcx); // the rest

        Assert.Equal([.. before.Select(b => (byte)(b + 1))], buffer.Span.ToArray());
    }

    [Theory]
    [InlineData(3)] // the second page is not read any more
    [InlineData(4)] // it is read, and not written back any more
    public void A_call_that_the_VMM_gives_up_half_way_leaves_the_registers_as_they_were(int access)
    {
        FakeMachine vmm = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforePage(2, access), new FakeFault(FakeFaultKind.Refuse))] });
        FakeExchange exchange = FakeExchange.AddTo(vmm, "x", direction: Direction.Both);
        using GuestBuffer buffer = vmm.Memory.Allocate(3 * 4096, new GuestBufferOptions { Residency = Residency.Pinned, Contiguity = Contiguity.Contiguous });

        TransferResult result = new BitVisorClient(vmm).GetFunction("x_gpa").TryTransfer(buffer, Passing.Contiguous, Direction.Both, ByRule);

        Assert.Equal((TransferOutcome.FunctionFailed, 0), (result.Outcome, result.BytesDone));
        Assert.Contains("refused", result.Message, StringComparison.Ordinal);
        Assert.Equal(4096, exchange.Received.Length); // what was read and not written back does not count
    }

    [Fact]
    public void The_VMMs_own_memory_may_be_read_and_a_write_to_it_makes_it_panic()
    {
        FakeMachine vmm = new();
        ulong rom = vmm.Options.Rom[0].Start.Value;
        int sum = 0;
        _ = vmm.On("read", FakeHandlers.ByPhysicalAddress((_, bytes) => sum += bytes.Length, Direction.ToVmm))
            .On("write", FakeHandlers.ByPhysicalAddress((_, _) => { }, Direction.FromVmm));

        Assert.Equal(100ul, new BitVisorClient(vmm).GetFunction("read").Call(rom, 100).Rcx);
        Assert.Equal(100, sum);
        _ = OracleAssert.Speaks(FakeOracle.VmmPanic, () => new BitVisorClient(vmm).GetFunction("write").Call(rom, 100));
    }

    [Theory]
    [InlineData(FakeTechnique.Virtual, 0x7f00_0000_0000, 0x200_0000_0000_0001)] // more than 57 bits
    [InlineData(FakeTechnique.Virtual, -4096, 4097)]                            // around the end
    [InlineData(FakeTechnique.Virtual, -4096, -1)]
    [InlineData(FakeTechnique.Contiguous, 0x1000, 0x10_0000_0000_0000)]         // beyond 52 bits
    [InlineData(FakeTechnique.Contiguous, 0x1000, -1)]
    [InlineData(FakeTechnique.PageByPage, -4096, 4096)]
    [InlineData(FakeTechnique.FrameList, 0x1000, 8)]
    [InlineData(FakeTechnique.FrameList, 0x1000, 4104)]
    [InlineData(FakeTechnique.FrameList, -16, 16)]
    [InlineData(FakeTechnique.FrameList, 0xA000_0000_0000, 16)] // nothing is there
    public void Arguments_that_no_program_may_give_are_told_from_a_refusal(FakeTechnique technique, long rbx, long rcx)
    {
        FakeMachine vmm = new FakeMachine().On("f", Handler(technique, (_, _) => Assert.Fail("There is nothing to do."), Direction.Both));

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("f").Call((ulong)rbx, (ulong)rcx);

        Assert.Equal(ulong.MaxValue, answer.Rax);
    }

    [Theory]
    [InlineData(8192, 0, new ulong[] { 1 }, 16)]        // fewer frames than bytes
    [InlineData(4096, 0, new ulong[] { 1, 2 }, 24)]     // more
    [InlineData(4096, 1, new ulong[] { 1 }, 16)]        // the offset makes it two
    [InlineData(0, 0, new ulong[] { 1 }, 16)]           // no bytes
    [InlineData(1, 4096, new ulong[] { 1 }, 16)]        // an offset beyond the frame
    [InlineData(4096, 0, new ulong[] { 1ul << 40 }, 16)] // a frame beyond 52 bits
    [InlineData(4096, 0, new ulong[] { 1 }, 17)]        // no whole frame number
    public void A_list_that_is_none_is_malformed(int bytes, int offset, ulong[] frames, int size)
    {
        FakeMachine vmm = new FakeMachine().On("f", FakeHandlers.ByFrameList((_, _) => Assert.Fail("There is nothing to do.")));
        using GuestBuffer list = List(vmm, 0, bytes, offset, frames);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("f").Call(list.Frames()[0] << GuestPage.Shift, (ulong)size);

        Assert.Equal(ulong.MaxValue, answer.Rax);
    }

    [Fact]
    public void A_list_that_leaves_its_page_is_malformed_although_the_next_frame_would_hold_the_rest()
    {
        FakeMachine vmm = new FakeMachine().On("f", FakeHandlers.ByFrameList((_, _) => Assert.Fail("There is nothing to do.")));
        using GuestBuffer two = vmm.Memory.Allocate(8192, new GuestBufferOptions { Residency = Residency.Pinned, Contiguity = Contiguity.Contiguous });
        BinaryPrimitives.WriteUInt32LittleEndian(two.Span[4088..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(two.Span[4096..], two.Frames()[0]);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("f").Call((two.Frames()[0] << GuestPage.Shift) + 4088, 16);

        Assert.Equal(ulong.MaxValue, answer.Rax);
    }

    [Fact]
    public void A_frame_that_is_nobodys_ends_the_work_before_it()
    {
        FakeMachine vmm = new FakeMachine().On("plus", FakeHandlers.ByFrameList((_, bytes) => PlusOne(bytes)));
        using GuestBuffer buffer = vmm.Memory.Allocate(4096, Residency.Pinned);
        using GuestBuffer list = List(vmm, 0, 8000, 96, [buffer.Frames()[0], 0xA_0000_0000]);

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("plus").Call(list.Frames()[0] << GuestPage.Shift, 24);

        Assert.Equal((0ul, 4000ul), (answer.Rax, answer.Rcx));
        Assert.Equal([.. new byte[96], .. Enumerable.Repeat((byte)1, 4000)], buffer.Span.ToArray());
    }

    [Fact]
    public void A_function_that_takes_either_tells_a_list_from_data()
    {
        FakeMachine vmm = new FakeMachine().On("plus", FakeHandlers.ByEither((_, bytes) => PlusOne(bytes)));
        HypercallFunction plus = new BitVisorClient(vmm).GetFunction("plus");
        using GuestBuffer scattered = vmm.Memory.Allocate(10_000, Residency.Pinned);
        using GuestBuffer contiguous = vmm.Memory.Allocate(10_000, new GuestBufferOptions { Residency = Residency.Pinned, Contiguity = Contiguity.Contiguous });
        foreach (GuestBuffer buffer in (GuestBuffer[])[scattered, contiguous])
        {
            Assert.True(plus.Transfer(buffer, Passing.Auto, Direction.Both, ByRule).IsCompleted);
            Assert.All(buffer.Span.ToArray(), b => Assert.Equal(1, b));
        }
    }

    [Theory]
    [InlineData(FakeTechnique.Virtual)]
    [InlineData(FakeTechnique.Contiguous)]
    public void No_bytes_are_done_at_once(FakeTechnique technique)
    {
        FakeMachine vmm = new FakeMachine().On("f", Handler(technique, (_, _) => Assert.Fail("There is nothing to do."), Direction.Both));

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("f").Call(0, 0);

        Assert.Equal((0ul, 0ul, ulong.MaxValue), (answer.Rax, answer.Rcx, answer.Rdx));
    }

    [Fact]
    public void With_bytes_in_RAX_no_other_register_is_written()
    {
        FakeMachine vmm = new FakeMachine().On("f", FakeHandlers.ByVirtualAddress((_, _) => { }, answer: FakeAnswer.BytesInRax));
        using GuestBuffer buffer = vmm.Memory.Allocate(4096, Residency.Touched);
        buffer.Touch();

        HypercallResult answer = new BitVisorClient(vmm).GetFunction("f").Call(buffer.Address.Value, 4097, 7);
        Assert.Equal((4096ul, 4097ul, 7ul), (answer.Rax, answer.Rcx, answer.Rdx));
        Assert.Equal(0ul, new BitVisorClient(vmm).GetFunction("f").Call(ulong.MaxValue, 4097).Rax);
    }

    [Theory]
    [InlineData(0, 100, -101, 100, null)]
    [InlineData(0, 40, -41, 40, null)]
    [InlineData(0, 0, -1, 0, null)]
    [InlineData(0, 101, -102, 0, "101 bytes")]
    [InlineData(0, 100, 0, 0, "does not know the number")] // nothing but RAX was written
    [InlineData(0, -1, 0, 0, "18446744073709551615 bytes")]
    [InlineData(-1, 100, 0, 0, "malformed")]
    [InlineData(4, 100, 0, 0, "refused")]
    [InlineData(127, 100, 0, 0, "refused")]
    [InlineData(128, 100, 0, 0, "0x80")]
    [InlineData(-1000, 100, 0, 0, "another VMM")]
    public void The_rule_takes_nothing_for_success_but_success(long rax, long rcx, long rdx, long done, string? failure)
    {
        HypercallRegisters registers = new() { Rax = (ulong)rax, Rcx = (ulong)rcx, Rdx = (ulong)rdx };
        TransferAnswer answer = FakeHandlers.Rule.Judge(in registers, 100);

        Assert.Equal(done, answer.BytesDone);
        Assert.Equal(failure is null, answer.Failure is null);
        Assert.Contains(failure ?? "", answer.Failure ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void A_function_that_was_removed_is_no_success()
    {
        FakeMachine vmm = new FakeMachine().On("f", FakeHandlers.ByVirtualAddress((_, _) => { }));
        HypercallFunction function = new BitVisorClient(vmm).GetFunction("f");
        using GuestBuffer buffer = vmm.Memory.Allocate(100, Residency.Touched);
        _ = vmm.Remove("f");

        TransferResult result = function.TryTransfer(buffer, Passing.Virtual, Direction.Both, ByRule);

        Assert.Equal(TransferOutcome.FunctionFailed, result.Outcome);
    }

    [Fact]
    public void What_makes_no_handler_is_refused_when_it_is_made()
    {
        _ = Assert.Throws<ArgumentNullException>(() => FakeHandlers.ByFrameList(null!));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => FakeHandlers.ByEither((_, _) => { }, 0));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => FakeHandlers.ByPhysicalAddress((_, _) => { }, (Direction)4));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => FakeHandlers.ByVirtualAddress((_, _) => { }, absentPages: (AbsentPagePolicy)9));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => FakeHandlers.ByVirtualAddress((_, _) => { }, answer: (FakeAnswer)9));
    }

    internal static Passing PassingOf(FakeTechnique technique) => technique switch
    {
        FakeTechnique.Virtual => Passing.Virtual,
        FakeTechnique.Contiguous => Passing.Contiguous,
        FakeTechnique.PageByPage => Passing.PageByPage,
        _ => Passing.FrameList,
    };

    internal static GuestBuffer Buffer(FakeMachine vmm, FakeTechnique technique, long length) => vmm.Memory.Allocate(length, new GuestBufferOptions
    {
        Residency = technique == FakeTechnique.Virtual ? Residency.Touched : Residency.Pinned,
        Contiguity = technique == FakeTechnique.Contiguous ? Contiguity.Contiguous : Contiguity.Any,
    });

    internal static byte[] Fill(GuestBuffer buffer)
    {
        Span<byte> bytes = buffer.Span;
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)((i * 31) ^ (i >> 8));
        }

        return bytes.ToArray();
    }

    private static Action<FakeCall> Handler(FakeTechnique technique, FakeTransform transform, Direction direction) => technique switch
    {
        FakeTechnique.Virtual => FakeHandlers.ByVirtualAddress(transform, direction),
        FakeTechnique.FrameList => FakeHandlers.ByFrameList(transform, direction),
        _ => FakeHandlers.ByPhysicalAddress(transform, direction),
    };

    private static void PlusOne(Span<byte> bytes)
    {
        foreach (ref byte b in bytes)
        {
            b++;
        }
    }

    private static GuestBuffer List(FakeMachine vmm, int at, int bytes, int offset, ulong[] frames)
    {
        GuestBuffer list = vmm.Memory.Allocate(4096, Residency.Pinned);
        Span<byte> page = list.Span[at..];
        BinaryPrimitives.WriteInt32LittleEndian(page, bytes);
        BinaryPrimitives.WriteInt32LittleEndian(page[4..], offset);
        for (int i = 0; i < frames.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(page[(8 + (8 * i))..], frames[i]);
        }

        return list;
    }
}
