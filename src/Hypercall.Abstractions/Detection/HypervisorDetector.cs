namespace Hypercall;

/// <summary>
/// Looks for what is under this guest, as far as user mode sees it. Executes no hypercall: CPUID, small files, and the CPUID
/// that Xen emulates.
/// </summary>
/// <remarks>
/// Nothing found proves nothing: a VMM may show no trace of itself (BitVisor). Several findings may be
/// about one VMM, or about one under the other.
/// </remarks>
public static class HypervisorDetector
{
    private const string CpuidSource = "Intel SDM vol. 2A, CPUID, leaf 1; AMD APM vol. 3, section E.3";
    private const string BrandSource = "nyx-fuzz/packer, nyx.h, get_nyx_cpu_type";

    /// <summary>Looks everywhere.</summary>
    /// <param name="signs">Where to look.</param>
    /// <returns>What was found: first what names itself in CPUID, in the order of the leaves; hints of the firmware
    /// last.</returns>
    public static IReadOnlyList<HypervisorFinding> Detect(IHypervisorSigns signs)
    {
        ArgumentNullException.ThrowIfNull(signs);
        CpuIdentity cpu = CpuIdentity.Read(signs.Cpuid);
        IReadOnlyList<CpuidSignature> names = CpuidSignature.ReadAll(signs.Cpuid);
        return
        [
            .. InCpuid(signs.Cpuid, names),
            .. InBrand(signs.Cpuid),
            .. WithoutName(cpu, names),
            .. XenUnderPv(signs, names),
            .. ConfidentialGuests.In(signs, cpu, names),
            .. EmulatedKernels.In(signs, cpu, names),
            .. FirmwareHints.In(signs),
        ];
    }

    private static IEnumerable<HypervisorFinding> InCpuid(ICpuid cpuid, IReadOnlyList<CpuidSignature> names) =>
        names.Select(name => OfName(cpuid, name));

    private static HypervisorFinding OfName(ICpuid cpuid, CpuidSignature name)
    {
        KnownVmm? vmm = KnownVmm.BySignature(name.Text);
        string evidence = $"CPUID leaf 0x{name.Leaf:x} says '{name.Text}'"
            + (vmm == KnownVmm.Vmware ? OfVmware(cpuid, name) : "");
        return new HypervisorFinding(
            vmm?.Name ?? $"'{name.Text}'",
            HypervisorFindingKind.SaysItself,
            evidence,
            vmm?.Source ?? "the VMM alone: no table here has it",
            vmm);
    }

    // Linux, arch/x86/kernel/cpu/vmware.c, vmware_select_hypercall: CPUID_VMWARE_FEATURES_LEAF, ECX bit 0 VMMCALL, bit 1 VMCALL
    private static string OfVmware(ICpuid cpuid, CpuidSignature name)
    {
        const uint Features = 0x10;
        if (name.MaxLeaf < name.Leaf + Features)
        {
            return "; it has no leaf 0x40000010, so the port is the way";
        }

        uint served = cpuid.Query(name.Leaf + Features).Ecx & 3;
        return "; leaf 0x40000010 says that it serves " + served switch
        {
            0 => "the port alone",
            1 => "VMMCALL",
            2 => "VMCALL",
            _ => "VMCALL and VMMCALL",
        };
    }

    private static IEnumerable<HypervisorFinding> InBrand(ICpuid cpuid)
    {
        const uint LastOfBrand = 0x8000_0004;
        if (cpuid.Query(0x8000_0000).Eax is < LastOfBrand or > 0x8000_FFFF)
        {
            yield break;
        }

        string end = CpuIdentity.TextOf(cpuid.Query(LastOfBrand)).TrimEnd('\0').Trim();
        if (end.StartsWith("NYX vCPU", StringComparison.Ordinal))
        {
            yield return new HypervisorFinding(
                KnownVmm.Nyx.Name,
                HypervisorFindingKind.SaysItself,
                $"CPUID leaf 0x{LastOfBrand:x} says '{end}'",
                BrandSource, KnownVmm.Nyx);
        }
    }

    private static IEnumerable<HypervisorFinding> WithoutName(CpuIdentity cpu, IReadOnlyList<CpuidSignature> names)
    {
        if (cpu.HypervisorPresent && names.Count == 0)
        {
            yield return new HypervisorFinding(
                "a VMM without a name",
                HypervisorFindingKind.SaysItself,
                "CPUID leaf 1, ECX bit 31 is set, and none of the leaves 0x40000000 to 0x4000ff00 holds a name",
                CpuidSource);
        }
    }

    private static IEnumerable<HypervisorFinding> XenUnderPv(IHypervisorSigns signs, IReadOnlyList<CpuidSignature> names)
    {
        if (!names.Any(name => KnownVmm.BySignature(name.Text) == KnownVmm.Xen)
            && signs.TryGetForcedCpuid() is { } forced
            && CpuidSignature.ReadAll(forced).FirstOrDefault(name => KnownVmm.BySignature(name.Text) == KnownVmm.Xen) is { } xen)
        {
            yield return new HypervisorFinding(
                KnownVmm.Xen.Name,
                HypervisorFindingKind.SaysItself,
                $"it emulates CPUID behind its prefix, as for a PV guest: leaf 0x{xen.Leaf:x} says '{xen.Text}'",
                "Xen, tools/misc/xen-detect.c",
                KnownVmm.Xen);
        }

        const string TypeFile = "/sys/hypervisor/type";
        if (GuestFile.Line(signs, TypeFile) is { } type)
        {
            KnownVmm? vmm = type == "xen" ? KnownVmm.Xen : null;
            string uuid = GuestFile.Line(signs, "/sys/hypervisor/uuid") is { } id ? $", and /sys/hypervisor/uuid '{id}'" : "";
            yield return new HypervisorFinding(
                vmm?.Name ?? $"'{type}'",
                HypervisorFindingKind.SaysItself,
                $"the guest's kernel says so: {TypeFile} is '{type}'{uuid}",
                "Linux, Documentation/ABI/stable/sysfs-hypervisor-xen",
                vmm);
        }
    }
}
