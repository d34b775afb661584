using Hypercall;
using Hypercall.Testing;

namespace VmwarePort.Tests;

public sealed class PortCommandsTests
{
    [Fact]
    public void Each_command_is_read_as_VMware_answers_it()
    {
        PortCommands port = new(FakeVmware.Create());

        Assert.Equal((6u, 2u), port.GetVersion());
        Assert.Equal(1u << 30, port.GetMemory());
        Assert.Equal("00112233445566778899AABBCCDDEEFF", Convert.ToHexString(port.GetUuid()!));
        Assert.True(port.Serves(PortCommands.Memory));
    }

    [Fact]
    public void An_unknown_command_is_none() => Assert.False(new PortCommands(FakeVmware.Create()).Serves(0x7FFF));

    [Fact]
    public void A_VMM_without_the_port_has_no_version()
    {
        PortCommands port = new(new FakeMachine(new FakeMachineOptions { Ways = FakeWays.Port, HasPortPermission = true }));

        Assert.Null(port.GetVersion());
        Assert.Null(port.GetMemory());
        Assert.Null(port.GetUuid());
    }

    [Fact]
    public void Without_permission_the_fault_is_an_exception_with_advice()
    {
        PortCommands port = new(FakeVmware.Create(hasPermission: false));

        HypercallFaultException e = Assert.Throws<HypercallFaultException>(() => port.GetVersion());

        Assert.Equal(CpuFaultKind.GeneralProtection, e.Fault.Kind);
    }
}
