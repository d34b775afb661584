namespace Hypercall;

/// <summary>
/// Which fault the CPU raised (Intel SDM vol. 3A, section 6.15 "Exception and Interrupt Reference"; AMD APM vol. 2, section 8.2).
/// </summary>
public enum CpuFaultKind
{
    /// <summary>No fault.</summary>
    None,

    /// <summary>#UD, vector 6: nobody answers this instruction here.</summary>
    InvalidOpcode,

    /// <summary>#GP, vector 13: the VMM refused it, as KVM on AMD does with VMCALL.</summary>
    GeneralProtection,

    /// <summary>#PF, vector 14: on the instruction's own bytes, or injected by a VMM for an address it was given.</summary>
    PageFault,

    /// <summary>Another one: <see cref="CpuFault.TrapNumber"/> and <see cref="CpuFault.Code"/> say which.</summary>
    Other,
}
