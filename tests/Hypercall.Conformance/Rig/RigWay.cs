using Hypercall.Amd;
using Hypercall.Intel;
using Hypercall.Linux;
using Hypercall.Native;

namespace Hypercall.Conformance;

/// <summary>A way to the rig's functions (rig/ABI.md, "Ways"): an instruction, and where a call's words are.</summary>
/// <param name="Name">Its name for <c>--way</c>.</param>
/// <param name="Convention">Where number, arguments and result are.</param>
/// <param name="Providers">Makes the providers of the real machine.</param>
internal sealed record RigWay(string Name, HypercallConvention Convention, Func<IHypercallProvider[]> Providers)
{
    private const ushort Mark = 0x4711;
    private const string Source = "rig/ABI.md, \"Ways\"";

    /// <summary>The instruction of the CPU's vendor.</summary>
    public static RigWay Instruction { get; } = new("instruction", HypercallConvention.BitVisor, () => [new IntelProvider(), new AmdProvider()]);

    /// <summary>A leaf of CPUID, shaped as TSFFS' calls are.</summary>
    public static RigWay Cpuid { get; } = new(
        "cpuid",
        new HypercallConvention(
            "the rig's CPUID leaf",
            number: new RegisterField(GeneralRegister.Rax, 16, 16),
            arguments: [GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.Rdx, GeneralRegister.Rsi, GeneralRegister.Rdi],
            constants: [new(new RegisterField(GeneralRegister.Rax, 0, 16), Mark)],
            layout: TransferLayout.AddressAndLength,
            source: Source),
        () => [new CpuidProvider()]);

    /// <summary>A port, read with the permission of the guest's kernel.</summary>
    public static RigWay Port { get; } = PortBy("port", PortDirection.In);

    /// <summary>The same port, written.</summary>
    public static RigWay PortOut { get; } = PortBy("port-out", PortDirection.Out);

    /// <summary>The instruction of the CPU's vendor, executed at CPL 0 by the kernel module.</summary>
    public static RigWay Module { get; } = new("module", HypercallConvention.BitVisor, () => [new KernelModuleProvider()]);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<RigWay> All { get; } = [Instruction, Cpuid, Port, PortOut, Module];

    // DX is the port's number.
    private static RigWay PortBy(string name, PortDirection direction) => new(
        name,
        new HypercallConvention(
            "the rig's port",
            number: GeneralRegister.Rax,
            arguments: [GeneralRegister.Rbx, GeneralRegister.Rcx, GeneralRegister.R8, GeneralRegister.Rsi, GeneralRegister.Rdi],
            constants: [new(new RegisterField(GeneralRegister.Rdx, 0, 16), Mark)],
            layout: TransferLayout.AddressAndLength,
            source: Source),
        () => [new PortProvider(Mark, direction, withPermission: true)]);
}
