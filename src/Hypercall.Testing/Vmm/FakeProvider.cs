namespace Hypercall.Testing;

/// <summary>
/// Which CPUs have which instruction. The vendor packages say the same; this one must not know them, so that a test needs neither.
/// </summary>
internal sealed class FakeProvider(string name, HypercallInstruction instruction, params string[] vendors) : IHypercallProvider
{
    public static FakeProvider Intel { get; } = new(
        "Intel", new HypercallInstruction("VMCALL", [0x0F, 0x01, 0xC1]), // Intel SDM vol. 3C, VMCALL
        "GenuineIntel", "CentaurHauls", "  Shanghai  ");

    public static FakeProvider Amd { get; } = new(
        "AMD", new HypercallInstruction("VMMCALL", [0x0F, 0x01, 0xD9]), // AMD APM vol. 3, VMMCALL
        "AuthenticAMD", "HygonGenuine");

    public static IReadOnlyList<FakeProvider> All { get; } = [Intel, Amd];

    public string Name => name;

    public HypercallInstruction Instruction => instruction;

    public bool Serves(CpuIdentity cpu) => vendors.Contains(cpu.Vendor, StringComparer.Ordinal);

    public bool Encodes(HypercallInstruction other) => instruction.Encoding.Span.SequenceEqual(other.Encoding.Span);
}
