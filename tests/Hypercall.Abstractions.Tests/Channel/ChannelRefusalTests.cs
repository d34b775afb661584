using NSubstitute;

namespace Hypercall.Tests.Channel;

public class ChannelRefusalTests
{
    private static readonly ChannelRefusal Refusal = new("/dev/hypercall", "ioctl: Operation not permitted (EPERM)", "Ask for CAP_SYS_ADMIN.", error: 1);

    [Fact]
    public void A_refused_call_did_neither_complete_nor_fault()
    {
        HypercallStatus status = HypercallStatus.Refused(Refusal);
        Assert.Equal((false, false, true), (status.IsCompleted, status.IsFaulted, status.IsRefused));
        Assert.Same(Refusal, status.Refusal);
        Assert.Equal(CpuFaultKind.None, status.Fault.Kind);
        Assert.Null(status.Fault.Target);
        Assert.NotEqual(HypercallStatus.Completed, status);
        Assert.Equal(Refusal.Message, status.ToString());
    }

    [Fact]
    public void The_message_says_which_channel_what_happened_and_what_to_do() => Assert.Equal(
        "/dev/hypercall refused the call: ioctl: Operation not permitted (EPERM). Nothing was executed. Ask for CAP_SYS_ADMIN.", Refusal.ToString());

    [Fact]
    public void The_throwing_forms_throw_it()
    {
        IHypercallMachine machine = Refusing();
        HypercallFunction function = new(machine, HypercallConvention.Xen, 17);
        HypercallRegisters registers = default;
        Assert.Same(Refusal, Assert.Throws<HypercallRefusedException>(() => machine.Channel.Invoke(ref registers)).Refusal);
        Assert.Same(Refusal, Assert.Throws<HypercallRefusedException>(() => function.Call(0)).Refusal);
        Assert.Same(Refusal, Assert.Throws<HypercallRefusedException>(() => function.Call(ref registers)).Refusal);
        Assert.Same(Refusal, Assert.Throws<HypercallRefusedException>(
            () => function.Transfer(new ulong[1], Direction.ToVmm, TransferRule.CompletedMeansAll)).Refusal);
    }

    [Fact]
    public void A_status_says_which_error_it_is()
    {
        Assert.Equal(Refusal.Message, HypercallStatus.Refused(Refusal).ToException().Message);
        _ = Assert.IsType<HypercallFaultException>(HypercallStatus.Faulted(new CpuFault(CpuFaultKind.PageFault)).ToException());
        _ = Assert.Throws<InvalidOperationException>(() => HypercallStatus.Completed.ToException());
    }

    [Fact]
    public void A_transfer_tells_a_refused_channel_from_refused_memory()
    {
        HypercallFunction function = new(Refusing(), HypercallConvention.Xen, 17);
        TransferResult result = function.TryTransfer(new ulong[1], Direction.ToVmm, TransferRule.CompletedMeansAll);
        Assert.Equal(TransferOutcome.ChannelRefused, result.Outcome);
        Assert.Same(Refusal, result.ChannelRefusal);
        Assert.Null(result.Refusal);
        Assert.StartsWith(Refusal.Message, result.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "x", "x")]
    [InlineData("x", "", "x")]
    [InlineData("x", "x", "")]
    public void No_part_of_it_is_blank(string channel, string reason, string remedy) =>
        _ = Assert.Throws<ArgumentException>(() => new ChannelRefusal(channel, reason, remedy));

    [Fact]
    public void A_status_is_returned_in_a_register() => // one reference: 48 bytes in 0.1.0
        Assert.Equal(sizeof(ulong), System.Runtime.CompilerServices.Unsafe.SizeOf<HypercallStatus>());

    private static IHypercallMachine Refusing()
    {
        HypercallRegisters any = default;
        IHypercallMachine machine = Substitute.For<IHypercallMachine>();
        machine.Channel.Carries.Returns(RegisterSet.All);
        machine.Channel.Returns.Returns(RegisterSet.All);
        machine.Channel.TryInvoke(ref any).ReturnsForAnyArgs(HypercallStatus.Refused(Refusal));
        return machine;
    }
}
