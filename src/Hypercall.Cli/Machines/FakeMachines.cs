using Hypercall.Testing;

namespace Hypercall.Cli.Machines;

/// <summary>The fake machines of the tool: every way down is there.</summary>
internal static class FakeMachines
{
    /// <summary>The way of the guest's kernel.</summary>
    public const string Kernel = "kernel";

    public static FakeMachine Create(FakeVmmPersonality personality)
    {
        FakeMachine fake = new(new FakeMachineOptions
        {
            Personality = personality,
            Ways = FakeWays.Instruction | FakeWays.Port | FakeWays.PortOut | FakeWays.Cpuid | FakeWays.Kernel,
        });
        return personality == FakeVmmPersonality.Vmware
            ? fake.On(HypercallConvention.Vmware, GetVersion, Version).On(HypercallConvention.VmwarePort, GetVersion, Version)
            : fake;
    }

    /// <summary>What their ways are called.</summary>
    public static IEnumerable<string> WayNames => Create(FakeVmmPersonality.None).Providers.Select(way => way.Name);

    private const ulong GetVersion = 10; // VMWARE_CMD_GETVERSION: Linux, arch/x86/include/asm/vmware.h

    // Measured: QEMU's vmport.
    private static void Version(FakeCall call)
    {
        call.Rax = 6;
        call.Rbx = 0x564D5868;
        call.Rcx = 2;
    }
}
