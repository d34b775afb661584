using Hypercall.Native;

namespace Hypercall.Conformance.Scenarios;

/// <summary>
/// VMware's port, served by VMware or by QEMU's <c>vmport</c>: commands, and the permission that the kernel gives.
/// </summary>
internal static class VmwarePortScenarios
{
    /// <summary>open-vm-tools, lib/include/backdoor_def.h: BDOOR_PORT, and three of its commands.</summary>
    public const ushort Port = 0x5658;

    private const ulong GetVersion = 10;
    private const ulong GetMemorySize = 0x14;
    private const ulong Unknown = 0x7FFF;
    private const ulong Magic = 0x564D_5868; // BDOOR_MAGIC

    public static IEnumerable<Scenario> All { get; } =
    [
        new("vmware port: version, memory, and a command that there is not", Needs.VmwarePort, Commands),
        new(
            "vmware port: without permission the call is a fault or an answer, and the process lives",
            Needs.VmwarePort,
            WithoutPermission),
        new(
            "vmware port: the permission is the channel's alone, and gone after Dispose",
            Needs.VmwarePort,
            PermissionIsTheChannels),
        new(
            "vmware port: a convention that puts something else into DX is refused when the function is made",
            Needs.VmwarePort,
            OtherRegisters),
    ];

    /// <summary>Why nobody is at the port; null when somebody is.</summary>
    public static string? WhyNot()
    {
        try
        {
            using NativeMachine machine = Open();
            HypercallStatus status = Command(machine, GetVersion).TryCall(out HypercallResult result);
            return !status.IsCompleted ? $"VMware's port: {status.ToException().Message}"
                : (uint)result.Rbx == Magic ? null : $"nobody answers VMware's port: EBX is 0x{(uint)result.Rbx:x}";
        }
        catch (PlatformNotSupportedException e)
        {
            return e.Message;
        }
    }

    private static NativeMachine Open(bool withPermission = true) =>
        new([new PortProvider(Port, withPermission: withPermission)]);

    private static HypercallFunction Command(NativeMachine machine, ulong number) =>
        new(machine, HypercallConvention.VmwarePort, number);

    private static void Commands(ScenarioContext context)
    {
        using NativeMachine machine = Open();
        HypercallResult version = Command(machine, GetVersion).Call();
        Check.Equal(Magic, (uint)version.Rbx);
        ulong bytes = (uint)Command(machine, GetMemorySize).Call().Rax;
        Check.That(bytes >= 128 << 20, $"the machine has {bytes} bytes of RAM");
        HypercallResult unknown = Command(machine, Unknown).Call();
        Check.Equal(uint.MaxValue, (uint)unknown.Rax);
        context.Note($"version {(uint)version.Rax}, product type {(uint)version.Rcx}, {bytes >> 20} MiB");
    }

    // VMware serves CPL 3 whatever the kernel says; QEMU does not.
    private static void WithoutPermission(ScenarioContext context)
    {
        using NativeMachine machine = Open(withPermission: false);
        HypercallStatus status = Command(machine, GetVersion).TryCall(out HypercallResult result);
        if (status.IsCompleted)
        {
            Check.Equal(Magic, (uint)result.Rbx);
        }
        else
        {
            Check.Equal(CpuFaultKind.GeneralProtection, status.Fault.Kind);
        }

        context.Note(status.IsCompleted ? "served without permission" : status.ToException().Message);
    }

    private static void PermissionIsTheChannels(ScenarioContext context)
    {
        NativeMachine machine = Open();
        HypercallFunction version = Command(machine, GetVersion);
        Check.Equal(Magic, (uint)version.Call().Rbx);
        using NativeMachine other = Open(withPermission: false);
        HypercallFunction without = Command(other, GetVersion);
        bool isServedAnyway = without.TryCall(out _).IsCompleted; // on this thread, while the channel's has the permission
        Check.Equal(Magic, (uint)version.Call().Rbx);
        machine.Dispose();
        try
        {
            _ = version.Call();
            throw new ScenarioFailedException("A call after Dispose went through.");
        }
        catch (ObjectDisposedException)
        {
        }

        Check.Equal(isServedAnyway, without.TryCall(out _).IsCompleted, "after Dispose");
        context.Note(isServedAnyway ? "the VMM serves every thread" : "a thread without the permission gets #GP");
    }

    private static void OtherRegisters(ScenarioContext context)
    {
        using NativeMachine machine = Open();
        HypercallConvention[] conventions = [HypercallConvention.BitVisor, HypercallConvention.HyperV];
        foreach (HypercallConvention convention in conventions)
        {
            try
            {
                _ = new HypercallFunction(machine, convention, 1);
                throw new ScenarioFailedException($"{convention} went to a port, which takes DX.");
            }
            catch (ArgumentException e) when (e.Message.Contains("RDX", StringComparison.OrdinalIgnoreCase))
            {
                context.Note(e.Message);
            }
        }
    }
}
