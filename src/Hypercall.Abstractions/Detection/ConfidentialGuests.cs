namespace Hypercall;

/// <summary>
/// Guests whose registers and memory the VMM does not see: there a hypercall instruction raises #VC or #VE in the guest, and its
/// kernel decides (docs/security.md, "Confidential guests").
/// </summary>
internal static class ConfidentialGuests
{
    private const string Meaning =
        "; the hypercall instruction then raises an exception in the guest, and its kernel decides what the VMM hears";

    public static IEnumerable<HypervisorFinding> In(IHypervisorSigns signs, CpuIdentity cpu, IReadOnlyList<CpuidSignature> names)
    {
        List<HypervisorFinding> found = [];
        uint isolation = HyperVIsolation(signs.Cpuid, names);
        if (IsTdx(signs.Cpuid, cpu))
        {
            found.Add(new HypervisorFinding(
                "Intel TDX",
                HypervisorFindingKind.SaysItself,
                "CPUID leaf 0x21 says 'IntelTDX'" + Meaning,
                "Linux, arch/x86/include/asm/shared/tdx.h, TDX_IDENT"));
        }
        else if (isolation == 3)
        {
            found.Add(ByHyperV("Intel TDX", isolation));
        }

        if (signs.FileExists("/dev/sev-guest"))
        {
            found.Add(new HypervisorFinding(
                "AMD SEV-SNP",
                HypervisorFindingKind.SaysItself,
                "the guest's kernel has /dev/sev-guest" + Meaning,
                "Linux, Documentation/virt/coco/sev-guest.rst"));
        }
        else if (isolation == 2)
        {
            found.Add(ByHyperV("AMD SEV-SNP", isolation));
        }
        else if (names.Count != 0 && ReportsSev(signs.Cpuid))
        {
            found.Add(new HypervisorFinding(
                "AMD SEV, SEV-ES or SEV-SNP",
                HypervisorFindingKind.CannotTell,
                "CPUID leaf 0x8000001f, EAX bit 1 says that the CPU has SEV; "
                    + "whether this guest uses it is in MSR 0xc0010131, which user mode cannot read",
                "AMD APM vol. 2, section 15.34"));
        }

        return found;
    }

    // EBX, EDX, ECX, as a vendor's name.
    private static bool IsTdx(ICpuid cpuid, CpuIdentity cpu)
    {
        const uint Leaf = 0x21; // TDX_CPUID_LEAF_ID: Linux, arch/x86/include/asm/shared/tdx.h
        if (cpu.MaxLeaf < Leaf)
        {
            return false;
        }

        CpuidResult leaf = cpuid.Query(Leaf);
        return CpuIdentity.TextOf(new CpuidResult(leaf.Ebx, leaf.Edx, leaf.Ecx, 0))
            .StartsWith("IntelTDX    ", StringComparison.Ordinal);
    }

    private static bool ReportsSev(ICpuid cpuid)
    {
        const uint Leaf = 0x8000_001F; // AMD APM vol. 3, section E.4.17
        return cpuid.Query(0x8000_0000).Eax is >= Leaf and <= 0x8000_FFFF && (cpuid.Query(Leaf).Eax & 2) != 0;
    }

    // TLFS, "Hypervisor CPUID leaves": 0x40000003 EBX bit 22, isolation; 0x4000000c EBX bits 3:0, its type.
    private static uint HyperVIsolation(ICpuid cpuid, IReadOnlyList<CpuidSignature> names)
    {
        const uint Features = 3;
        const uint Configuration = 0xC;
        CpuidSignature? hyperV = names.FirstOrDefault(name => KnownVmm.BySignature(name.Text) == KnownVmm.HyperV);
        return hyperV is null || hyperV.MaxLeaf < hyperV.Leaf + Configuration
            || (cpuid.Query(hyperV.Leaf + Features).Ebx & (1u << 22)) == 0
            ? 0
            : cpuid.Query(hyperV.Leaf + Configuration).Ebx & 0xF;
    }

    private static HypervisorFinding ByHyperV(string name, uint type) => new(
        name,
        HypervisorFindingKind.SaysItself,
        $"Hyper-V says so: CPUID leaf 0x4000000c, EBX bits 3:0, isolation type {type}" + Meaning,
        "Linux, include/hyperv/hvgdk.h, enum hv_isolation_type");
}
