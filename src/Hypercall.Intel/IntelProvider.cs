using Hypercall.Native;
using Hypercall.Native.Execution;
using Iced.Intel;

namespace Hypercall.Intel;

/// <summary>
/// VMCALL, <c>0F 01 C1</c> (Intel SDM vol. 3C, section 31.3 "VMX instructions"): Intel's CPUs, and those of Centaur and Zhaoxin,
/// which implement VMX. CPUID's vendor string is
/// <c>GenuineIntel</c>, <c>CentaurHauls</c> or <c>  Shanghai  </c> (with its blanks).
/// </summary>
public sealed class IntelProvider() : InstructionProvider("Intel", Vmcall, "GenuineIntel", "CentaurHauls", "  Shanghai  ")
{
    private static readonly HypercallInstruction Vmcall =
        InstructionEncoder.Encode("VMCALL", Iced.Intel.Instruction.Create(Code.Vmcall));
}
