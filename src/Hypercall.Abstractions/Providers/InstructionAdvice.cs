namespace Hypercall;

/// <summary>
/// What a fault on a vendor's hypercall instruction means, and what to do: the advice of a provider that gives none of its own.
/// </summary>
internal static class InstructionAdvice
{
    private const string Other =
        "This fault is not one that a hypercall instruction is known to raise; report it with the VMM's name and version.";

    // Seen in both: SIGSEGV of IN, and 0 where the kernel has the trap's number.
    private const string Untold =
        "The kernel under this program does not tell which trap it was. qemu-user and gVisor do so: there the instruction is not "
        + "served, or not allowed. Run this in the guest itself.";

    // Seen under BitVisor: on a guest CPU that it has not taken over, the instruction is #UD (docs/hardware.md).
    private const string OtherCpus = " A VMM may have taken over only some of the guest's CPUs: OnCpu(n) asks another one.";

    public static string For(in CpuFault fault) => fault.Kind switch
    {
        CpuFaultKind.None => "Nothing to do: the instruction completed.",
        CpuFaultKind.InvalidOpcode => InvalidOpcode(fault.Target?.Cpu),
        CpuFaultKind.GeneralProtection =>
            "Either this is the wrong instruction for this host (KVM on AMD answers VMCALL so), or the VMM refuses user mode. "
            + "Let CPUID choose the instruction, or allow the other one to be tried (HypercallOptions.TryOtherInstruction).",
        CpuFaultKind.PageFault when fault.IsOnInstruction =>
            "The VMM tried to patch the instruction in place, and the page is not writable: this is the wrong instruction for "
            + "this host (KVM on Intel answers VMMCALL so). Let CPUID choose it, or allow the other one to be tried (HypercallOptions.TryOtherInstruction).",
        CpuFaultKind.PageFault =>
            "The VMM raised it for an address that it was given and the guest could not bring in, or could not write: hand over "
            + "memory from IGuestMemory, touched or better, and check address and length.",
        _ when fault.TrapNumber < 0 => Untold,
        _ => Other,
    };

    private static string InvalidOpcode(CpuIdentity? cpu) => cpu switch
    {
        null =>
            "On this CPU there is no VMM, or one that does not serve user mode, or this is the wrong instruction for it."
            + OtherCpus,
        { HypervisorPresent: false } =>
            "CPUID reports no hypervisor: on this CPU there is no VMM, or one that hides itself and does not serve user mode, or "
            + "not by this instruction. Run this in a guest, or use the fake VMM; if the instruction was forced, let CPUID choose "
            + "it." + OtherCpus,
        _ => "CPUID reports a hypervisor" + (cpu.HypervisorSignature.Length == 0 ? "" : $" ('{cpu.HypervisorSignature}')")
            + ": on this CPU it does not serve this instruction from user mode. If the instruction was forced, let CPUID choose "
            + "it; else ask for user mode in the VMM's configuration, or make the call from a kernel module." + OtherCpus,
    };
}
