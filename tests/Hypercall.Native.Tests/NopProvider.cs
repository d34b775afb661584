namespace Hypercall.Native.Tests;

/// <summary>A third vendor, whose hypercall instruction does nothing, on whatever CPU this is.</summary>
internal sealed class NopProvider : IHypercallProvider
{
    public string? Vendor { get; init; }

    public string Mnemonic { get; init; } = "NOP";

    public byte[] Encoding { get; init; } = TestTarget.Nop;

    public string Name => "Nop";

    public HypercallInstruction Instruction => new(Mnemonic, Encoding);

    public bool Serves(CpuIdentity cpu) => Vendor is null ? cpu.Vendor == CpuIdentity.Read(new NativeCpuid()).Vendor : cpu.Vendor == Vendor;
}
