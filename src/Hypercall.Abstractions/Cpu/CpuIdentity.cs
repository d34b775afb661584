using System.Buffers.Binary;
using System.Text;

namespace Hypercall;

/// <summary>
/// What CPUID says of the CPU and of the hypervisor under it. The vendor decides which instruction to use; everything else
/// here is for people and logs.
/// </summary>
/// <remarks>
/// CPUID is what the VMM lets the guest see. A research hypervisor may show no trace of itself (some add no leaf and
/// set no bit), and any VMM can present any vendor.
/// </remarks>
public sealed record CpuIdentity
{
    private const uint ExtendedLeaf = 0x8000_0000;

    /// <summary>
    /// The vendor string of leaf 0 (EBX, EDX, ECX), 12 characters with its blanks: <c>GenuineIntel</c>, <c>AuthenticAMD</c>, ...
    /// </summary>
    public required string Vendor { get; init; }

    /// <summary>The brand string of leaves 0x80000002 to 0x80000004, trimmed; empty when the CPU has none.</summary>
    public string Brand { get; init; } = "";

    /// <summary>The highest basic leaf (leaf 0, EAX).</summary>
    public uint MaxLeaf { get; init; }

    /// <summary>Leaf 1, ECX bit 31: a hypervisor says that it is there. Clear proves nothing.</summary>
    public bool HypervisorPresent { get; init; }

    /// <summary>
    /// The signature of leaf 0x40000000 (EBX, ECX, EDX) without trailing NULs and blanks, such as <c>KVMKVMKVM</c>; empty when
    /// there is none. It is read even when <see cref="HypervisorPresent"/> is clear, for some VMMs answer it all the same. The
    /// names in further leaves: <see cref="CpuidSignature.ReadAll"/>.
    /// </summary>
    public string HypervisorSignature { get; init; } = "";

    /// <summary>
    /// The highest hypervisor leaf (leaf 0x40000000, EAX); 0 when there is no <see cref="HypervisorSignature"/>.
    /// </summary>
    public uint HypervisorMaxLeaf { get; init; }

    /// <summary>Leaf 1, ECX bit 5: the CPU offers VMX to this guest. Reported, never used to choose an instruction.</summary>
    public bool VmxReported { get; init; }

    /// <summary>
    /// Leaf 0x80000001, ECX bit 2: the CPU offers SVM to this guest. Reported, never used to choose an instruction.
    /// </summary>
    public bool SvmReported { get; init; }

    /// <summary>Reads the identity.</summary>
    /// <param name="cpuid">Where to read it.</param>
    public static CpuIdentity Read(ICpuid cpuid)
    {
        ArgumentNullException.ThrowIfNull(cpuid);
        CpuidResult basic = cpuid.Query(0);
        CpuidResult features = basic.Eax >= 1 ? cpuid.Query(1) : default;
        CpuidSignature? hypervisor = CpuidSignature.ReadFirst(cpuid);
        uint maxExtended = cpuid.Query(ExtendedLeaf).Eax;
        return new CpuIdentity
        {
            Vendor = TextOf(basic.Ebx, basic.Edx, basic.Ecx),
            Brand = maxExtended is >= 0x8000_0004 and <= 0x8000_FFFF ? ReadBrand(cpuid) : "",
            MaxLeaf = basic.Eax,
            HypervisorPresent = (features.Ecx & (1u << 31)) != 0,
            HypervisorSignature = hypervisor?.Text ?? "",
            HypervisorMaxLeaf = hypervisor?.MaxLeaf ?? 0,
            VmxReported = (features.Ecx & (1u << 5)) != 0,
            SvmReported = maxExtended is >= 0x8000_0001 and <= 0x8000_FFFF && (cpuid.Query(0x8000_0001).Ecx & (1u << 2)) != 0,
        };
    }

    /// <summary>The four registers as text, in the order of their names.</summary>
    internal static string TextOf(CpuidResult leaf) => TextOf(leaf.Eax, leaf.Ebx, leaf.Ecx, leaf.Edx);

    /// <summary>Registers as text, four characters each.</summary>
    internal static string TextOf(params ReadOnlySpan<uint> registers)
    {
        Span<byte> bytes = stackalloc byte[registers.Length * sizeof(uint)];
        for (int i = 0; i < registers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(i * sizeof(uint))..], registers[i]);
        }

        return Encoding.Latin1.GetString(bytes);
    }

    private static string ReadBrand(ICpuid cpuid)
    {
        StringBuilder brand = new(48);
        for (uint leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++)
        {
            _ = brand.Append(TextOf(cpuid.Query(leaf)));
        }

        return brand.ToString().TrimEnd('\0').Trim();
    }
}
