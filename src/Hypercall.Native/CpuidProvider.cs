using Hypercall.Native.Execution;
using Iced.Intel;

namespace Hypercall.Native;

/// <summary>
/// CPUID, <c>0F A2</c>, on any x86 CPU, for a VMM that answers a leaf of its own, as Simics does for tsffs (Intel SDM vol. 2A,
/// CPUID; AMD APM vol. 3, CPUID).
/// </summary>
/// <remarks>
/// <para>
/// Inside a VMX guest it always leaves the guest (SDM vol. 3C, section 26.1.2 "Instructions That Cause VM Exits
/// Unconditionally"), inside an SVM guest where the VMM asked for it (APM vol. 2, section 15.9). The VMM sees all registers and
/// may write all: a VM exit saves no general register but those that the VMM saves itself, and RAX in SVM. So all 15 are carried
/// and returned.
/// </para>
/// <para>
/// It never fails: where nobody watches the leaf, EAX, EBX, ECX and EDX are the CPU's or another VMM's answer to it, and the
/// upper halves of those four registers are 0. Whether the VMM answered, only its own answer can prove.
/// </para>
/// </remarks>
public sealed class CpuidProvider() : InstructionProvider("cpuid", CpuidInstruction)
{
    private static readonly HypercallInstruction CpuidInstruction =
        InstructionEncoder.Encode("CPUID", Iced.Intel.Instruction.Create(Code.Cpuid));

    /// <summary>Usable on any x86 CPU, and never the CPU's own choice.</summary>
    /// <param name="cpuid">The CPU.</param>
    public override HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.Usable;

    /// <inheritdoc/>
    public override string? Advise(in CpuFault fault) => fault.Kind == CpuFaultKind.GeneralProtection
        ? "CPUID faulting is on for this thread (arch_prctl(ARCH_SET_CPUID), as debuggers that record use it), or the VMM raised "
            + "it. Run without, or take another way down."
        : null;
}
