namespace Hypercall.Testing;

/// <summary>
/// Which CPUs have which instruction. The vendor packages say the same; this one must not know them, so that a test needs
/// neither.
/// </summary>
internal sealed class FakeVendor(string name, HypercallInstruction instruction, params string[] cpus)
{
    public static FakeVendor Intel { get; } = new(
        "Intel", new HypercallInstruction("VMCALL", [0x0F, 0x01, 0xC1]), // Intel SDM vol. 3C, VMCALL
        "GenuineIntel", "CentaurHauls", "  Shanghai  ");

    public static FakeVendor Amd { get; } = new(
        "AMD", new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9]), // AMD APM vol. 3, VMMCALL
        "AuthenticAMD", "HygonGenuine");

    public static IReadOnlyList<FakeVendor> All { get; } = [Intel, Amd];

    public string Name => name;

    public HypercallInstruction Instruction => instruction;

    public HypercallProbe Probe(CpuIdentity cpu) => HypercallProbe.ByVendor(cpu, cpus);

    public bool Encodes(HypercallInstruction other) => instruction.Encoding.Span.SequenceEqual(other.Encoding.Span);
}
