using NSubstitute;

namespace Hypercall.Tests.Channel;

public class HypercallStatusTests
{
    private static readonly HypercallTarget Target = new(
        new CpuIdentity { Vendor = "AuthenticAMD", HypervisorPresent = true, HypervisorSignature = "KVMKVMKVM" },
        "Intel",
        new HypercallInstruction("VMCALL", [0x0F, 0x01, 0xC1]));

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
}
