namespace Hypercall.Testing;

/// <summary>How the fake VMM behaves towards a hypercall.</summary>
public enum FakeVmmPersonality
{
    /// <summary>Calls functions by name, as BitVisor does. CPUID shows no trace of it.</summary>
    BitVisor,

    /// <summary>
    /// Answers RAX = -1 (EPERM) to every call from user mode, as KVM does. The other vendor's instruction raises what it raises there: #GP
    /// on AMD, a #PF on the instruction's own bytes on Intel.
    /// </summary>
    Kvm,

    /// <summary>Completes every call and changes no register.</summary>
    Deaf,

    /// <summary>No VMM: every call raises #UD, and CPUID's hypervisor bit is clear.</summary>
    None,
}
