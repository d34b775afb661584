using System.Buffers.Binary;
using System.Text;

namespace Hypercall.Cli.Machines;

/// <summary>Warns where CPUID names another VMM than the one whose convention is spoken. It proves nothing: VMMs hide.</summary>
internal static class HypervisorSignatures
{
    // Where KVM and Xen name themselves when they show Hyper-V's leaves at 0x40000000:
    // Linux, arch/x86/include/asm/cpuid.h, cpuid_base_hypervisor; Xen, xen/include/public/arch-x86/cpuid.h.
    private const uint SecondHypervisorLeaf = 0x4000_0100;

    /// <summary>The warning, or none: where CPUID names nobody whose convention is known, nothing is known.</summary>
    /// <param name="convention">The convention that is spoken.</param>
    /// <param name="cpu">What CPUID says.</param>
    /// <param name="cpuid">To ask it more.</param>
    public static IReadOnlyList<string> WarningsOn(HypercallConvention convention, CpuIdentity cpu, ICpuid cpuid)
    {
        string first = cpu.HypervisorSignature;
        string? owner = HypercallConvention.All.FirstOrDefault(known => known.HypervisorSignatures.Contains(first))?.Name;
        bool isKnownAndOther = owner is not null
            && !convention.HypervisorSignatures.Contains(first)
            && !convention.HypervisorSignatures.Contains(Signature(cpuid.Query(SecondHypervisorLeaf)));
        return isKnownAndOther
            ?
            [
                $"CPUID names the VMM '{first}' ({owner}), and this call speaks the convention of {convention}. "
                + $"If {owner} answers it, the registers mean something else, and no error says so.",
            ]
            : [];
    }

    private static string Signature(CpuidResult leaf)
    {
        Span<byte> text = stackalloc byte[3 * sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(text, leaf.Ebx);
        BinaryPrimitives.WriteUInt32LittleEndian(text[sizeof(uint)..], leaf.Ecx);
        BinaryPrimitives.WriteUInt32LittleEndian(text[(2 * sizeof(uint))..], leaf.Edx);
        return Encoding.Latin1.GetString(text).TrimEnd('\0');
    }
}
