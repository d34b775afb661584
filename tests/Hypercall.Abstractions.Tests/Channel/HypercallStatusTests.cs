using NSubstitute;

namespace Hypercall.Tests.Channel;

public class HypercallStatusTests
{
    private static readonly HypercallTarget Target = new(
        new CpuIdentity { Vendor = "AuthenticAMD", HypervisorPresent = true, HypervisorSignature = "KVMKVMKVM" },
        new MadeUpProvider("Intel", new HypercallInstruction("VMCALL", [0x0F, 0x01, 0xC1])));

    [Fact]
    public void The_default_status_is_completed()
    {
        Assert.True(default(HypercallStatus).IsCompleted);
        Assert.Equal(HypercallStatus.Completed, default);
        Assert.Equal("completed", HypercallStatus.Completed.ToString());
    }

    [Fact]
    public void A_fault_without_a_kind_is_refused() =>
        _ = Assert.Throws<ArgumentException>(() => HypercallStatus.Faulted(default));

    [Fact]
    public void A_channel_can_be_faked_by_NSubstitute()
    {
        IHypercallChannel channel = Substitute.For<IHypercallChannel>();
        HypercallRegisters any = default;
        channel.TryInvoke(ref any).ReturnsForAnyArgs(call =>
        {
            call[0] = (HypercallRegisters)call[0] with { Rax = 10 };
            return HypercallStatus.Completed;
        });

        HypercallRegisters registers = new() { Rax = 5, Rbx = 1 };
        channel.Invoke(ref registers);
        Assert.Equal(new HypercallRegisters { Rax = 10, Rbx = 1 }, registers);
    }

    [Fact]
    public void The_plain_form_throws_what_the_Try_form_returns()
    {
        IHypercallChannel channel = Substitute.For<IHypercallChannel>();
        HypercallRegisters registers = default;
        CpuFault fault = new(CpuFaultKind.GeneralProtection) { Code = 11, TrapNumber = 13, Target = Target };
        channel.TryInvoke(ref registers).ReturnsForAnyArgs(HypercallStatus.Faulted(fault));

        HypercallFaultException e = Assert.Throws<HypercallFaultException>(() => channel.Invoke(ref registers));
        Assert.Equal(fault, e.Fault);
        Assert.StartsWith("VMCALL on AuthenticAMD raised #GP (signal 11", e.Message, StringComparison.Ordinal);
        Assert.Contains("wrong instruction for this host", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x1000, true)]
    [InlineData(0x1002, true)]
    [InlineData(0x1003, false)]
    [InlineData(0x0FFF, false)]
    public void A_page_fault_is_on_the_instruction_when_it_hits_its_bytes(ulong address, bool expected)
    {
        CpuFault fault = new(CpuFaultKind.PageFault) { Address = new(address), InstructionAddress = new(0x1000), Target = Target };
        Assert.Equal(expected, fault.IsOnInstruction);
        Assert.Equal(expected, fault.Advice.Contains("patch the instruction", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(-1, "qemu-user and gVisor")]
    [InlineData(7, "report it with the VMM's name")]
    public void Advice_on_another_fault_blames_the_VMM_only_where_the_trap_is_known(int trap, string expected) => Assert.Contains(
        expected, new CpuFault(CpuFaultKind.Other) { Code = 11, TrapNumber = trap }.Advice, StringComparison.Ordinal);

    [Theory]
    [InlineData(true, "KVMKVMKVM")]
    [InlineData(false, "CPUID reports no hypervisor")]
    public void Advice_on_an_invalid_opcode_goes_by_the_hypervisor_bit(bool present, string expected)
    {
        HypercallTarget target = Target with { Cpu = Target.Cpu with { HypervisorPresent = present } };
        Assert.Contains(expected, new CpuFault(CpuFaultKind.InvalidOpcode) { Target = target }.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Advice_on_an_invalid_opcode_never_leaves_out_the_wrong_instruction(bool present)
    {
        HypercallTarget target = Target with { Cpu = Target.Cpu with { HypervisorPresent = present } };
        Assert.Contains("If the instruction was forced", new CpuFault(CpuFaultKind.InvalidOpcode) { Target = target }.Advice, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_Windows_exception_code_is_printed_as_one() =>
        Assert.Equal("#UD (exception 0xC000001D)", new CpuFault(CpuFaultKind.InvalidOpcode) { Code = 0xC000001D }.ToString());

    [Fact]
    public void A_fault_prints_what_its_system_told_of_it()
    {
        CpuFault page = new(CpuFaultKind.PageFault) { Code = 11, ErrorCode = 6, Address = new(0x2000) };
        Assert.Equal("#PF (signal 11, error code 0x6, address 0x2000)", page.ToString());
        Assert.Equal("#PF (signal 65535, error code 0x6, address 0x2000)", (page with { Code = 0xFFFF }).ToString());
        Assert.Equal("#GP (signal 11, error code 0x0)", new CpuFault(CpuFaultKind.GeneralProtection) { Code = 11, Address = new(0x2000) }.ToString());
        Assert.Equal("trap 3", new CpuFault(CpuFaultKind.Other) { TrapNumber = 3 }.ToString());
        Assert.Equal("#UD", HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode)).ToString());
    }

    [Fact]
    public void Only_a_page_fault_is_on_the_instruction()
    {
        CpuFault fault = new(CpuFaultKind.GeneralProtection) { Address = new(0x1000), InstructionAddress = new(0x1000) };
        Assert.False(fault.IsOnInstruction);
        Assert.True((fault with { Kind = CpuFaultKind.PageFault }).IsOnInstruction);
        Assert.False(new CpuFault(CpuFaultKind.PageFault).IsOnInstruction); // nobody knows where the instruction is
    }

    [Fact]
    public void Statuses_are_equal_when_their_faults_are()
    {
        HypercallStatus fault = HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode));
        Assert.True(fault == HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode)));
        Assert.False(fault != HypercallStatus.Faulted(new CpuFault(CpuFaultKind.InvalidOpcode)));
        Assert.True(fault != HypercallStatus.Completed);
        Assert.False(fault.Equals((object)HypercallStatus.Completed));
    }
}
