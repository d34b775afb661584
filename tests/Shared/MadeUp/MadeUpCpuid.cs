using System.Buffers.Binary;
using System.Text;

namespace Hypercall.Tests;

/// <summary>CPUID of a CPU that does not exist.</summary>
/// <param name="vendor">The vendor string, 12 characters.</param>
internal sealed class MadeUpCpuid(string vendor) : ICpuid
{
    public string Brand { get; init; } = "";

    /// <summary>ECX of leaf 1: bit 5 is VMX, bit 31 a hypervisor.</summary>
    public uint Features { get; init; }

    /// <summary>ECX of leaf 0x80000001: bit 2 is SVM.</summary>
    public uint ExtendedFeatures { get; init; }

    public CpuidResult Query(uint leaf, uint subleaf = 0) => leaf switch
    {
        // EBX, EDX, ECX hold the vendor string: Intel SDM vol. 2A, CPUID, leaf 0
        0 => new CpuidResult(1, Word(vendor, 0), Word(vendor, 2), Word(vendor, 1)),
        1 => new CpuidResult(0, 0, Features, 0),
        0x8000_0000 => new CpuidResult(Brand.Length == 0 ? 0x8000_0001 : 0x8000_0004, 0, 0, 0),
        0x8000_0001 => new CpuidResult(0, 0, ExtendedFeatures, 0),
        >= 0x8000_0002 and <= 0x8000_0004 => BrandLeaf((int)(leaf - 0x8000_0002) * 4),
        _ => default,
    };

    private static uint Word(string text, int index) =>
        BinaryPrimitives.ReadUInt32LittleEndian(Encoding.Latin1.GetBytes(text.PadRight(48, '\0')).AsSpan(index * sizeof(uint)));

    private CpuidResult BrandLeaf(int word) => new(Word(Brand, word), Word(Brand, word + 1), Word(Brand, word + 2), Word(Brand, word + 3));
}
