namespace Hypercall.Testing.Tests;

/// <summary>How a function of the VMM reaches the guest's memory, where it is not all there.</summary>
public sealed class FakeCallMemoryTests
{
    private const int Page = GuestPage.Size;

    private readonly FakeMachine _fake = new();

    [Fact]
    public void A_copy_that_is_to_fail_moves_no_byte_unless_all_pages_are_there()
    {
        using GuestBuffer buffer = _fake.Memory.Allocate(3 * Page, Residency.Touched);
        buffer.Span.Fill(7);
        Assert.Equal((FakeCopyOutcome.Completed, 2 * Page), Copy(buffer.Address + 4000, 2 * Page, isWrite: false)); // three pages of it
        Assert.Equal((FakeCopyOutcome.Completed, 2 * Page), Copy(buffer.Address + 4000, 2 * Page, isWrite: true));
        _fake.Memory.SwapOut(buffer, 2);
        Assert.Equal((FakeCopyOutcome.Completed, 100 + Page - 4000 + 3996), Copy(buffer.Address + 4000, Page + 96, isWrite: false)); // up to it
        Assert.Equal((FakeCopyOutcome.Stopped, 0), Copy(buffer.Address + 4000, Page + 97, isWrite: false));
        buffer.Touch();
        _fake.Memory.SwapOut(buffer, 1);
        Assert.Equal((FakeCopyOutcome.Stopped, 0), Copy(buffer.Address + 4000, 2 * Page, isWrite: false));
        Assert.Equal((FakeCopyOutcome.Stopped, 0), Copy(buffer.Address, 2 * Page, isWrite: true));
        Assert.Equal(7, buffer.Span[0]);
    }

    [Fact]
    public void A_copy_that_is_to_fail_looks_at_the_right_to_write()
    {
        using GuestBuffer buffer = _fake.Memory.Allocate(Page, Residency.Touched);
        _fake.Memory.WriteProtect(buffer, 0);
        Assert.Equal((FakeCopyOutcome.Completed, 8), Copy(buffer.Address, 8, isWrite: false));
        Assert.Equal((FakeCopyOutcome.Stopped, 0), Copy(buffer.Address, 8, isWrite: true));
    }

    [Fact]
    public void A_value_across_two_pages_is_written_whole_or_not_at_all()
    {
        using GuestBuffer buffer = _fake.Memory.Allocate(2 * Page, Residency.Touched);
        Assert.True(Inside(call => call.TryWriteLinear(buffer.Address + (Page - 4), ulong.MaxValue)));
        Assert.Equal(8, buffer.Span.Count((byte)0xFF));
        buffer.Span.Clear();
        _fake.Memory.SwapOut(buffer, 1);
        Assert.False(Inside(call => call.TryWriteLinear(buffer.Address + (Page - 4), ulong.MaxValue)));
        Assert.False(Inside(call => call.TryWriteLinear(buffer.Address + (Page - 7), ulong.MaxValue)));
        Assert.Equal(0, buffer.Span.Count((byte)0xFF));
        Assert.True(Inside(call => call.TryWriteLinear(buffer.Address + (Page - 8), ulong.MaxValue))); // the last one that lies in one page
        Assert.Equal(8, buffer.Span.Count((byte)0xFF));
        buffer.Span.Clear();
        buffer.Touch();
        _fake.Memory.WriteProtect(buffer, 1); // there, and not writable
        Assert.False(Inside(call => call.TryWriteLinear(buffer.Address + (Page - 4), ulong.MaxValue)));
        Assert.Equal(0, buffer.Span.Count((byte)0xFF));
    }

    [Fact]
    public void A_value_within_a_page_costs_one_walk()
    {
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeWalk(1, 2), new FakeFault(FakeFaultKind.Refuse))] });
        using GuestBuffer buffer = fake.Memory.Allocate(2 * Page, Residency.Touched);
        fake.Inside(call => Assert.True(call.TryWriteLinear(buffer.Address + (Page - 8), 1ul)));
        Assert.Empty(fake.FaultOccurrences);
    }

    [Fact]
    public void A_read_that_runs_over_the_end_of_a_frame_goes_on_in_the_next_frame_and_not_in_the_next_page()
    {
        using GuestBuffer buffer = _fake.Memory.Allocate(2 * Page, Residency.Touched);
        GuestPhysicalAddress start = new GuestFrameNumber(buffer.Frames()[0]).Address;
        Assert.Equal(96, _fake.ReadPhysical(new GuestPhysicalAddress(start.Value + 4000), 96).Length);
        _ = OracleAssert.Speaks(
            FakeOracle.ForeignFrame,
            () => _fake.ReadPhysical(new GuestPhysicalAddress(start.Value + 4000), 97));
    }

    [Theory]
    [InlineData(0x3000, 0x1000, true)]
    [InlineData(0x3FFF, 1, true)]
    [InlineData(0x3000, 0x1001, false)]
    [InlineData(0x2FFF, 2, false)]
    [InlineData(0xFFFF_FFFF_FFFF_F000, 0x1001, false)] // it wraps
    public void A_range_is_mapped_if_all_of_it_is_memory(ulong start, long length, bool expected)
    {
        FakeMachine fake = new(new FakeMachineOptions { Rom = [new PhysicalExtent(new GuestPhysicalAddress(0x3000), 0x1000)] });
        bool mapped = !expected;
        fake.Inside(call => mapped = call.TryMap(new GuestPhysicalAddress(start), length, FakeMapAccess.Read, out _));
        Assert.Equal(expected, mapped);
    }

    [Fact]
    public void A_view_reads_and_writes_at_its_offset_and_not_beyond_its_end()
    {
        using GuestBuffer buffer = _fake.Memory.Allocate(Page, Residency.Pinned);
        GuestPhysicalAddress start = new(new GuestFrameNumber(buffer.Frames()[0]).Address.Value + 100);
        buffer.Span[110] = 5;
        _fake.Inside(call =>
        {
            Assert.True(call.TryMap(start, 20, FakeMapAccess.Write, out FakeView? view));
            byte[] one = new byte[1];
            Assert.True(view.Read(10, one));
            Assert.Equal(5, one[0]);
            Assert.True(view.Write(19, [9]));
            Assert.True(view.Read(20, []));
            Assert.All([-1L, 20, long.MaxValue], at => Assert.Throws<ArgumentOutOfRangeException>("offset", () => view.Read(at, one)));
            Assert.All([-1L, 20, long.MaxValue], at => Assert.Throws<ArgumentOutOfRangeException>("offset", () => view.Write(at, one)));
        });
        Assert.Equal((5, 9, 0), (buffer.Span[110], buffer.Span[119], buffer.Span[120]));
    }

    [Fact]
    public void A_view_is_mapped_once_and_any_other_physical_access_each_time()
    {
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeMap(1, 2), new FakeFault(FakeFaultKind.Clobber)), new(FakeInjectionPoint.BeforeMap(1, 4), new FakeFault(FakeFaultKind.Clobber))] });
        using GuestBuffer buffer = fake.Memory.Allocate(Page, Residency.Pinned);
        GuestPhysicalAddress start = new GuestFrameNumber(buffer.Frames()[0]).Address;
        fake.Inside(call =>
        {
            Assert.True(call.TryMap(start, 8, FakeMapAccess.Write, out FakeView? view));
            Assert.True(view.Read(0, new byte[8]) && view.Write(0, new byte[8]));
            Assert.Empty(fake.FaultOccurrences);
            Assert.True(call.TryReadPhysical(start, new byte[8], out _));
            _ = Assert.Single(fake.FaultOccurrences);
            Assert.True(call.TryWritePhysical(start, new byte[8], out _) && call.TryWritePhysical(start, new byte[8], out _));
            Assert.Equal(2, fake.FaultOccurrences.Count);
        });
    }

    [Fact]
    public void The_first_page_fault_of_a_run_counts()
    {
        using GuestBuffer first = _fake.Memory.AllocateUntouched(1);
        using GuestBuffer second = _fake.Memory.AllocateUntouched(1);
        int runs = 0;
        _fake.Inside(call =>
        {
            if (++runs == 1)
            {
                call.InjectPageFault(first.Address, isWrite: false);
                call.InjectPageFault(second.Address, isWrite: true);
            }
        });
        Assert.Equal((2, GuestPageState.Present, GuestPageState.NotMapped), (runs, first.States()[0], second.States()[0]));
        Assert.Equal(0, _fake.WriteVirtual(first.Address, [1])); // a read brings the page of zeroes in
    }

    [Fact]
    public void A_copy_after_an_injected_fault_says_that_the_instruction_runs_again()
    {
        using GuestBuffer there = _fake.Memory.Allocate(1, Residency.Touched);
        using GuestBuffer absent = _fake.Memory.AllocateUntouched(1);
        List<FakeCopyOutcome> outcomes = [];
        _fake.Inside(call =>
        {
            outcomes.Add(call.CopyFromGuest(absent.Address, new byte[1]).Outcome);
            outcomes.Add(call.CopyFromGuest(absent.Address, new byte[1], AbsentPagePolicy.InjectPageFault).Outcome);
            outcomes.Add(call.CopyFromGuest(there.Address, new byte[1]).Outcome);
        });
        Assert.Equal(
            [FakeCopyOutcome.Stopped, FakeCopyOutcome.Injected, FakeCopyOutcome.Injected, FakeCopyOutcome.Completed, FakeCopyOutcome.Completed, FakeCopyOutcome.Completed], outcomes);
    }

    [Fact]
    public void A_walk_for_the_guests_kernel_is_no_users()
    {
        List<PageFaultErrorCode> codes = [];
        _ = _fake.On("walk", call => codes.Add(call.Walk(new GuestVirtualAddress(0x1000)).ErrorCode));
        foreach (IHypercallChannel channel in new[] { _fake.Channel, _fake.OpenKernelChannel() })
        {
            HypercallRegisters registers = new() { Rax = 4 };
            channel.Invoke(ref registers);
        }

        Assert.Equal([PageFaultErrorCode.User, PageFaultErrorCode.None], codes);
    }

    [Theory]
    [InlineData(0, true)]  // the NUL is the first byte of the second page
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void A_name_is_read_to_its_NUL_on_whatever_page_it_lies(int inSecond, bool isThere)
    {
        _ = _fake.On("ab", _ => { }).On("abc", _ => { });
        using GuestBuffer buffer = _fake.Memory.Allocate(2 * Page, Residency.Touched);
        "abc"u8[..(2 + inSecond)].CopyTo(buffer.Span[(Page - 2)..]);
        if (!isThere)
        {
            _fake.Memory.SwapOut(buffer, 1);
        }

        HypercallRegisters registers = new() { Rbx = buffer.Address.Value + Page - 2 };
        _fake.Channel.Invoke(ref registers);
        Assert.Equal(isThere ? 4ul + (ulong)inSecond : 0, registers.Rax);
    }

    [Fact]
    public void What_a_function_wrote_is_not_clobbered_even_if_it_wrote_what_was_there()
    {
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeEntry(1), new FakeFault(FakeFaultKind.Clobber))] });
        _ = fake.On("f", call =>
        {
            call.Rax = 1;
            call.Rcx = call.Rcx;
            call.Rsi = call.Rsi;
            call.Rsi = call.Rsi;
        });
        HypercallRegisters registers = new() { Rax = 4, Rbx = 1, Rcx = 2, Rdx = 3, Rsi = 4, Rdi = 5 };
        HypercallRegisters before = registers;
        fake.Channel.Invoke(ref registers);
        Assert.Equal((1ul, 2ul, 4ul), (registers.Rax, registers.Rcx, registers.Rsi));
        ulong[] clobbered = [registers.Rbx, registers.Rdx, registers.Rdi];
        Assert.Empty(clobbered.Intersect([before.Rbx, before.Rdx, before.Rdi]));
        Assert.Equal(3, clobbered.Distinct().Count());
        Assert.All(clobbered, value => Assert.Equal(0xC10B_BE4Eul, value >> 32)); // easy to recognise, and no address
    }

    [Fact]
    public void A_planned_page_fault_is_on_the_first_argument_and_a_users()
    {
        FakeMachine fake = new(new FakeMachineOptions { Plan = [new(FakeInjectionPoint.BeforeEntry(1), new FakeFault(FakeFaultKind.PageFault))] });
        HypercallRegisters registers = new() { Rax = 4, Rbx = 0x1234 };
        CpuFault fault = fake.Channel.TryInvoke(ref registers).Fault;
        Assert.Equal((CpuFaultKind.PageFault, 0x1234ul, 4ul), (fault.Kind, fault.Address.Value, fault.ErrorCode));
    }

    [Fact]
    public void The_last_number_is_one_like_any_other()
    {
        for (int number = 4; number <= 127; number++)
        {
            _ = _fake.On($"f{number}", call => call.Rax = 1000);
        }

        HypercallRegisters registers = new() { Rax = 127 };
        _fake.Channel.Invoke(ref registers);
        Assert.Equal(1000ul, registers.Rax);
    }

    [Fact]
    public void The_machine_is_what_CPUID_says_of_it()
    {
        Assert.Equal((true, false, "Hypercall Fake Processor"), (_fake.Cpu.SvmReported, _fake.Cpu.HypervisorPresent, _fake.Cpu.Brand));
        Assert.True(new FakeMachine(FakeVmmPersonality.Deaf).Cpu.HypervisorPresent);
        Assert.Same(_fake.Channel, _fake.Channel);
    }

    private bool Inside(Func<FakeCall, bool> what)
    {
        bool result = false;
        _fake.Inside(call => result = what(call));
        return result;
    }

    private (FakeCopyOutcome, int) Copy(GuestVirtualAddress address, int length, bool isWrite)
    {
        FakeCopy copy = default;
        _fake.Inside(call => copy = isWrite
            ? call.CopyToGuest(address, new byte[length], AbsentPagePolicy.Fail)
            : call.CopyFromGuest(address, new byte[length], AbsentPagePolicy.Fail));
        return (copy.Outcome, (int)copy.BytesDone);
    }
}
