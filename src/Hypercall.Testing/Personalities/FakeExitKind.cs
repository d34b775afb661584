namespace Hypercall.Testing;

/// <summary>What kind of instruction tries to leave the fake guest.</summary>
public enum FakeExitKind
{
    /// <summary>The hypercall instruction of the CPU's vendor: VMCALL, or VMMCALL on AMD.</summary>
    Hypercall,

    /// <summary>The hypercall instruction of the other vendor.</summary>
    OtherVendors,

    /// <summary>IN by DX. The CPU itself raises #GP where the guest's kernel has not allowed the port.</summary>
    In,

    /// <summary>OUT by DX. The CPU itself raises #GP where the guest's kernel has not allowed the port.</summary>
    Out,

    /// <summary>CPUID.</summary>
    Cpuid,

    /// <summary>Any other instruction: no VMM serves it.</summary>
    Other,
}
