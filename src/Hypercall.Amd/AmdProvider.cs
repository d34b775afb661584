using Hypercall.Native;
using Hypercall.Native.Execution;
using Iced.Intel;

namespace Hypercall.Amd;

/// <summary>
/// VMMCALL, <c>0F 01 D9</c> (AMD APM vol. 3, chapter 4 "System Instruction Reference"): AMD's CPUs, and those of Hygon, which
/// implement SVM. CPUID's vendor string is
/// <c>AuthenticAMD</c> or <c>HygonGenuine</c>.
/// </summary>
public sealed class AmdProvider() : InstructionProvider("AMD", Vmmcall, "AuthenticAMD", "HygonGenuine")
{
    private static readonly HypercallInstruction Vmmcall =
        InstructionEncoder.Encode("VMMCALL", Iced.Intel.Instruction.Create(Code.Vmmcall));
}
