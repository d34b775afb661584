using System.Buffers.Binary;
using System.Text;

namespace Hypercall.Cli.Machines;

/// <summary>Warns where CPUID names another VMM than the one whose convention is spoken. It proves nothing: VMMs hide.</summary>
internal static class HypervisorSignatures
{
    // Where KVM and Xen name themselves when they show Hyper-V's leaves at 0x40000000:
    // Linux, arch/x86/include/asm/cpuid.h, cpuid_base_hypervisor; Xen, xen/include/public/arch-x86/cpuid.h.
    private const uint SecondHypervisorLeaf = 0x4000_0100;
    private const uint FirstHypervisorLeaf = 0x4000_0000;
    private const uint EndOfHypervisorLeaves = 0x4001_0000; // the same function of Linux's looks no further

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

    /// <summary>The names that VMMs give themselves in CPUID's further ranges of leaves, behind that of 0x40000000.</summary>
    /// <param name="cpu">What CPUID says; where it has no name in the first range, the others are not looked at.</param>
    /// <param name="cpuid">To ask it more.</param>
    public static IEnumerable<(uint Leaf, string Text)> Further(CpuIdentity cpu, ICpuid cpuid)
    {
        if (cpu.HypervisorSignature.Length == 0)
        {
            yield break;
        }

        for (uint leaf = SecondHypervisorLeaf; leaf < EndOfHypervisorLeaves; leaf += SecondHypervisorLeaf - FirstHypervisorLeaf)
        {
            CpuidResult answer = cpuid.Query(leaf);
            string text = Signature(answer);
            if (answer.Eax >= leaf && answer.Eax < EndOfHypervisorLeaves && text.Length != 0 && text.All(c => c is >= ' ' and <= '~'))
            {
                yield return (leaf, text);
            }
        }
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
