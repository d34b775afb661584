using Hypercall.Native;
using Iced.Intel;

namespace Hypercall.Intel;

/// <summary>
/// VMCALL, <c>0F 01 C1</c> (Intel SDM vol. 3C, section 31.3 "VMX instructions"): Intel's CPUs, and those of Centaur and Zhaoxin,
/// which implement VMX. CPUID's vendor string is
/// <c>GenuineIntel</c>, <c>CentaurHauls</c> or <c>  Shanghai  </c> (with its blanks).
/// </summary>
public sealed class IntelProvider() : InstructionProvider("Intel", Vmcall, "GenuineIntel", "CentaurHauls", "  Shanghai  ")
{
    private static readonly HypercallInstruction Vmcall = Encode();

    private static HypercallInstruction Encode()
    {
        using MemoryStream bytes = new();
        _ = Encoder.Create(64, new StreamCodeWriter(bytes)).Encode(Iced.Intel.Instruction.Create(Code.Vmcall), 0);
        return new HypercallInstruction("VMCALL", bytes.ToArray());
    }
}
