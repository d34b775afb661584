using Hypercall;
using Hypercall.Testing;

namespace VmwarePort;

/// <summary>A fake VMware with the port, for whoever has none.</summary>
public static class FakeVmware
{
    /// <summary>Makes the machine; its only way down is the port.</summary>
    /// <param name="hasPermission">Whether the guest's kernel lets the program access the port.</param>
    public static FakeMachine Create(bool hasPermission = true)
    {
        FakeMachineOptions options = new()
        {
            Personality = FakeVmmPersonality.Vmware,
            Ways = FakeWays.Port,
            HasPortPermission = hasPermission,
        };
        return new FakeMachine(options)
            .On(HypercallConvention.VmwarePort, PortCommands.Version, call =>
                (call.Rax, call.Rbx, call.Rcx) = (6, PortCommands.Magic, 2))
            .On(HypercallConvention.VmwarePort, PortCommands.Memory, call => call.Rax = 1 << 30)
            .On(HypercallConvention.VmwarePort, PortCommands.Uuid, call =>
                (call.Rax, call.Rbx, call.Rcx, call.Rdx) = (0x3322_1100, 0x7766_5544, 0xBBAA_9988, 0xFFEE_DDCC));
    }
}
