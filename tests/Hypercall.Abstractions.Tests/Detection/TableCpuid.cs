using System.Buffers.Binary;
using System.Text;

namespace Hypercall.Tests.Detection;

/// <summary>CPUID as a table; a leaf that is not in it gives the registers of the highest basic leaf, as on Intel's CPUs.</summary>
internal sealed class TableCpuid : ICpuid
{
    private readonly Dictionary<uint, CpuidResult> _leaves = new() { [0] = Words(0x16, "GenuntelineI") }; // EBX, ECX, EDX: Genu, ntel, ineI

    public TableCpuid Has(uint leaf, CpuidResult result)
    {
        _leaves[leaf] = result;
        return this;
    }

    public TableCpuid Has(uint leaf, string text, uint maxLeaf) => Has(leaf, Words(maxLeaf, text));

    public CpuidResult Query(uint leaf, uint subleaf = 0) =>
        _leaves.TryGetValue(leaf, out CpuidResult known) ? known
        : _leaves.TryGetValue(_leaves[0].Eax, out CpuidResult highest) ? highest
        : default;

    /// <summary>A leaf whose EBX, ECX and EDX hold a text.</summary>
    public static CpuidResult Words(uint eax, string text)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(text.PadRight(12, '\0'));
        return new CpuidResult(
            eax,
            BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4)),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)));
    }
}
