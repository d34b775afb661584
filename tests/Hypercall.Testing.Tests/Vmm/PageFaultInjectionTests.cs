namespace Hypercall.Testing.Tests;

public sealed class PageFaultInjectionTests
{
    private readonly FakeMachine _fake = new();
    private int _attempts;

    private FakeGuestMemory Memory => _fake.Memory;

    public static TheoryData<string, bool> Faults => new()
    {
        { "none", false }, { "none", true }, { "swap", false }, { "swap", true }, { "drop", false }, { "drop", true },
        { "fork", true }, { "fork and drop", true }, { "move", false }, { "move", true }, { "untouched", false }, { "untouched", true },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void Pages_are_brought_in_and_the_instruction_runs_again_with_the_registers_that_it_came_with(string fault, bool isWrite)
    {
        using GuestBuffer buffer = fault == "untouched" ? Memory.AllocateUntouched(3 * GuestPage.Size) : Memory.Allocate(3 * GuestPage.Size, Residency.Touched);
        if (fault != "untouched")
        {
            buffer.Span.Fill(5);
        }

        for (int page = 0; page < 3; page++)
        {
            Inject(fault, buffer, page);
        }

        byte[] bytes = new byte[3 * GuestPage.Size];
        bytes.AsSpan().Fill(7);
        HypercallRegisters registers = Call(buffer.Address, call =>
        {
            Assert.Equal((buffer.Address.Value, 2ul, 3ul), (call.Rbx, call.Rcx, call.R15));
            call.Rcx = 99; // what an attempt writes that injects counts for nothing
            FakeCopy copy = isWrite
                ? call.CopyToGuest(buffer.Address, bytes, AbsentPagePolicy.InjectPageFault)
                : call.CopyFromGuest(buffer.Address, bytes, AbsentPagePolicy.InjectPageFault);
            call.Rax = (ulong)copy.BytesDone;
        });

        Assert.Equal((ulong)bytes.Length, registers.Rax);
        Assert.Equal(fault == "none" ? 1 : 4, _attempts);
        Assert.Equal(_attempts, _fake.Calls);
        Assert.Equal(buffer.Span.ToArray(), bytes);
    }

    [Fact]
    public void An_address_that_is_mapped_nowhere_ends_in_a_page_fault_with_it_in_CR2()
    {
        GuestVirtualAddress nowhere = new(0x1234_5678);
        HypercallRegisters registers = Registers(nowhere);
        _ = _fake.On("f", call =>
        {
            call.Rcx = 1;
            _ = call.CopyToGuest(nowhere, new byte[1], AbsentPagePolicy.InjectPageFault);
        });

        HypercallStatus status = _fake.Channel.TryInvoke(ref registers);

        Assert.Equal(CpuFaultKind.PageFault, status.Fault.Kind);
        Assert.Equal(nowhere, status.Fault.Address);
        Assert.Equal(6ul, status.Fault.ErrorCode); // W/R and U/S
        Assert.Equal(Registers(nowhere), registers);
        Assert.Null(_fake.Failure);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_function_that_injects_for_ever_ends_in_a_page_fault(int pages)
    {
        using GuestBuffer buffer = Memory.Allocate(pages * GuestPage.Size, Residency.Touched);
        HypercallRegisters registers = Registers(buffer.Address);
        _ = _fake.On("f", call => call.InjectPageFault(buffer.Address + (_attempts++ % pages * GuestPage.Size), isWrite: false));

        HypercallStatus status = _fake.Channel.TryInvoke(ref registers);

        Assert.Equal(CpuFaultKind.PageFault, status.Fault.Kind);
        Assert.InRange(_attempts, 2, 100);
    }

    [Fact]
    public void A_fault_that_takes_the_page_away_at_each_attempt_is_outlived()
    {
        FaultPlan plan = [.. Enumerable.Range(1, 60).Select(i => new PlannedFault(FakeInjectionPoint.BeforeWalk(1, i), new FakeFault(FakeFaultKind.SwapOut)))];
        FakeMachine fake = new(new FakeMachineOptions { Plan = plan });
        using GuestBuffer buffer = fake.Memory.Allocate(10, Residency.Touched);
        HypercallRegisters registers = Registers(buffer.Address);
        _ = fake.On("f", call => call.Rax = (ulong)call.CopyFromGuest(buffer.Address, new byte[10], AbsentPagePolicy.InjectPageFault).BytesDone);

        Assert.True(fake.Channel.TryInvoke(ref registers).IsCompleted);
        Assert.Equal(10ul, registers.Rax);
        Assert.Equal(61, fake.Calls);
    }

    [Fact]
    public void A_ROM_faked_page_is_read_as_the_VMMs_idea_of_ROM_by_guest_and_VMM()
    {
        using GuestBuffer rom = Memory.MapRom(10);
        Assert.Equal(rom.Span.ToArray(), _fake.ReadVirtual(rom.Address, 10));
    }

    [Fact]
    public void A_page_that_is_just_being_moved_is_there_once_it_is_pinned()
    {
        using GuestBuffer buffer = Memory.Allocate(10, Residency.Touched);
        Memory.MigratePage(buffer, 0, walks: 5);
        using GuestBuffer pin = Memory.OpenWindow(buffer.Address, 10, new GuestBufferOptions { Residency = Residency.Pinned });

        Assert.Equal([GuestPageState.Present], pin.States());
        Assert.Equal(10, _fake.ReadVirtual(pin.Address, 10).Length);
    }

    private static HypercallRegisters Registers(GuestVirtualAddress address) => new() { Rax = 4, Rbx = address.Value, Rcx = 2, R15 = 3 };

    private void Inject(string fault, GuestBuffer buffer, int page)
    {
        switch (fault)
        {
            case "swap":
                Memory.SwapOut(buffer, page);
                break;
            case "drop":
                Memory.DropMapping(buffer, page);
                break;
            case "fork":
                Memory.WriteProtect(buffer, page);
                break;
            case "fork and drop":
                Memory.WriteProtect(buffer, page);
                Memory.DropMapping(buffer, page);
                break;
            case "move":
                Memory.MigratePage(buffer, page, walks: 1000);
                break;
        }
    }

    private HypercallRegisters Call(GuestVirtualAddress address, Action<FakeCall> handler)
    {
        HypercallRegisters registers = Registers(address);
        _ = _fake.On("f", call =>
        {
            _attempts++;
            handler(call);
        });
        _fake.Channel.Invoke(ref registers);
        return registers;
    }
}
