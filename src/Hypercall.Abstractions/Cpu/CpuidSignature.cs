namespace Hypercall;

/// <summary>The name that a VMM gives itself in one of CPUID's leaves for hypervisors (EBX, ECX, EDX).</summary>
/// <remarks>
/// <code>
/// 0x40000000  "Microsoft Hv"     a VMM that speaks two languages has one range of leaves for each
/// 0x40000100  "KVMKVMKVM"
/// </code>
/// CPUID is what the VMM lets the guest see: one that shows no name may be there, and any VMM can show any name.
/// </remarks>
public sealed class CpuidSignature
{
    // Linux, arch/x86/include/asm/cpuid/api.h, for_each_possible_cpuid_base_hypervisor: steps of 0x100 below 0x40010000
    private const uint FirstLeaf = 0x4000_0000;
    private const uint EndOfLeaves = 0x4001_0000;
    private const uint Step = 0x100;

    private CpuidSignature(uint leaf, string text, uint maxLeaf)
    {
        Leaf = leaf;
        Text = text;
        MaxLeaf = maxLeaf;
    }

    /// <summary>The leaf: 0x40000000, 0x40000100, ... 0x4000ff00.</summary>
    public uint Leaf { get; }

    /// <summary>The name: 1 to 12 printable characters of ASCII, without the NULs and blanks around it.</summary>
    public string Text { get; }

    /// <summary>The highest leaf of the range (EAX). At leaf 0x40000000 it may be anything; 0 stands for 0x40000001 on an old KVM
    /// (Linux, Documentation/virt/kvm/x86/cpuid.rst).</summary>
    public uint MaxLeaf { get; }

    /// <summary>
    /// Reads all of them, in the order of their leaves: 256 leaves are asked for, each of which may be a VM exit.
    /// </summary>
    /// <remarks>
    /// What a CPU answers for a leaf that it does not have is no signature: neither the text of another leaf, which gives itself
    /// away by an EAX outside of its range, nor the registers of the highest basic leaf (Intel SDM vol. 2A, CPUID, "INPUT EAX").
    /// The hypervisor bit is not looked at: some VMMs answer although it is clear.
    /// </remarks>
    /// <param name="cpuid">Where to read them.</param>
    public static IReadOnlyList<CpuidSignature> ReadAll(ICpuid cpuid)
    {
        ArgumentNullException.ThrowIfNull(cpuid);
        List<CpuidSignature> found = [];
        for (uint leaf = FirstLeaf; leaf < EndOfLeaves; leaf += Step)
        {
            if (TryRead(cpuid, leaf) is { } signature)
            {
                found.Add(signature);
            }
        }

        return found;
    }

    /// <summary>Both in words: <c>KVMKVMKVM at 0x40000100</c>.</summary>
    public override string ToString() => $"{Text} at 0x{Leaf:x}";

    /// <summary>The signature of leaf 0x40000000; null where there is none.</summary>
    internal static CpuidSignature? ReadFirst(ICpuid cpuid) => TryRead(cpuid, FirstLeaf);

    private static CpuidSignature? TryRead(ICpuid cpuid, uint leaf)
    {
        CpuidResult answer = cpuid.Query(leaf);
        string text = TextOf(in answer);
        bool isOfThisLeaf = leaf == FirstLeaf || (answer.Eax >= leaf && answer.Eax < EndOfLeaves);
        return text.Length == 0 || !isOfThisLeaf || IsSame(in answer, cpuid.Query(cpuid.Query(0).Eax))
            ? null
            : new CpuidSignature(leaf, text, answer.Eax);
    }

    private static string TextOf(in CpuidResult answer)
    {
        string text = CpuIdentity.TextOf(answer.Ebx, answer.Ecx, answer.Edx).TrimEnd('\0');
        return text.All(c => c is >= ' ' and <= '~') ? text.Trim() : "";
    }

    private static bool IsSame(in CpuidResult one, in CpuidResult other) =>
        one.Eax == other.Eax && one.Ebx == other.Ebx && one.Ecx == other.Ecx && one.Edx == other.Edx;
}
