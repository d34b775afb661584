namespace Hypercall.Cli.Machines;

/// <summary>Warns where CPUID names another VMM than the one whose convention is spoken. It proves nothing: VMMs hide.</summary>
internal static class HypervisorSignatures
{
    /// <summary>The warning, or none: where CPUID names nobody whose convention is known, nothing is known.</summary>
    /// <param name="convention">The convention that is spoken.</param>
    /// <param name="cpu">What CPUID says.</param>
    /// <param name="cpuid">To ask it more: KVM and Xen name themselves in a further leaf when they show Hyper-V's.</param>
    public static IReadOnlyList<string> WarningsOn(HypercallConvention convention, CpuIdentity cpu, ICpuid cpuid)
    {
        string first = cpu.HypervisorSignature;
        string? owner = HypercallConvention.All.FirstOrDefault(known => known.HypervisorSignatures.Contains(first))?.Name;
        bool isKnownAndOther = owner is not null
            && !convention.HypervisorSignatures.Contains(first)
            && !CpuidSignature.ReadAll(cpuid).Any(further => convention.HypervisorSignatures.Contains(further.Text));
        return isKnownAndOther
            ?
            [
                $"CPUID names the VMM '{first}' ({owner}), and this call speaks the convention of {convention}. "
                + $"If {owner} answers it, the registers mean something else, and no error says so.",
            ]
            : [];
    }
}
