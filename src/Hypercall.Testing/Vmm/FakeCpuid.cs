using System.Buffers.Binary;
using System.Text;

namespace Hypercall.Testing;

/// <summary>CPUID as a <see cref="CpuIdentity"/> describes it: the inverse of <see cref="CpuIdentity.Read"/>.</summary>
internal sealed class FakeCpuid(FakeMachine vmm) : ICpuid
{
    private const int VendorLength = 12;
    private const int SignatureLength = 12;
    private const int BrandLength = 47; // 48 bytes with the NUL: Intel SDM vol. 2A, CPUID, "The Processor Brand String Method"

    // Linux, arch/x86/include/asm/cpuid/api.h and AMD APM vol. 3, section E.4: what is for hypervisors, and for extensions.
    private const uint LastHypervisorLeaf = 0x4000_FFFF;
    private const uint FirstExtendedLeaf = 0x8000_0000;

    public CpuidResult Query(uint leaf, uint subleaf = 0) => Query(vmm.State, leaf);

    public static CpuidResult Query(FakeMachineState state, uint leaf)
    {
        CpuIdentity cpu = state.Cpu;
        uint last = MaxExtendedLeaf(cpu);
        bool isOutOfRange = leaf < FirstExtendedLeaf
            ? leaf > cpu.MaxLeaf && leaf is < FakeCpuidSignature.FirstLeaf or > LastHypervisorLeaf
            : leaf > last;
        return !isOutOfRange ? Known(state, cpu, leaf)

            // Intel's CPUs give the data of the highest basic leaf (SDM vol. 2A, CPUID), others zeros (Linux,
            // arch/x86/kvm/cpuid.c, get_out_of_range_cpuid_entry).
            : FakeVendor.Intel.Probe(cpu).IsUsable ? Known(state, cpu, cpu.MaxLeaf)
            : default;
    }

    private static uint MaxExtendedLeaf(CpuIdentity cpu) => cpu.Brand.Length == 0 ? 0x8000_0001 : 0x8000_0004;

    private static CpuidResult Known(FakeMachineState state, CpuIdentity cpu, uint leaf) => leaf switch
    {
        0 => VendorLeaf(cpu),
        1 => new CpuidResult(0, 0, (cpu.HypervisorPresent ? 1u << 31 : 0) | (cpu.VmxReported ? 1u << 5 : 0), 0),
        FakeCpuidSignature.FirstLeaf => SignatureLeaf(cpu.HypervisorSignature, cpu.HypervisorMaxLeaf),
        > FakeCpuidSignature.FirstLeaf and <= LastHypervisorLeaf => FurtherLeaf(state.Shown, leaf, cpu),
        FirstExtendedLeaf => new CpuidResult(MaxExtendedLeaf(cpu), 0, 0, 0),
        0x8000_0001 => new CpuidResult(0, 0, cpu.SvmReported ? 1u << 2 : 0, 0),
        >= 0x8000_0002 and <= 0x8000_0004 => BrandLeaf(cpu, (int)(leaf - 0x8000_0002)),
        0x10 => new CpuidResult(0, 2, 0, 0), // resources that can be allocated: L3 cache (Intel SDM vol. 2A, CPUID)
        _ => default,
    };

    public static CpuIdentity Checked(CpuIdentity cpu)
    {
        ArgumentNullException.ThrowIfNull(cpu);
        if (cpu.Vendor.Length != VendorLength || !cpu.Vendor.All(IsLatin1))
        {
            throw new ArgumentException(
                $"A CPU vendor has {VendorLength} characters, such as 'AuthenticAMD'; '{cpu.Vendor}' has {cpu.Vendor.Length}.", nameof(cpu));
        }

        if (cpu.Brand.Length > BrandLength || !cpu.Brand.All(IsLatin1))
        {
            throw new ArgumentException(
                $"A CPU brand has at most {BrandLength} characters; '{cpu.Brand}' has {cpu.Brand.Length}.", nameof(cpu));
        }

        FakeCpuidSignature.ThrowIfNoSignature(cpu.HypervisorSignature, nameof(cpu));

        // What a reader of CPUID gets back: blanks around the texts are padding, and without a signature there are no leaves
        // behind it.
        string signature = cpu.HypervisorSignature.Trim();
        return cpu with
        {
            Brand = cpu.Brand.TrimEnd('\0').Trim(),
            MaxLeaf = Math.Max(cpu.MaxLeaf, 1),
            HypervisorSignature = signature,
            HypervisorMaxLeaf = signature.Length == 0 ? 0 : cpu.HypervisorMaxLeaf,
        };

        static bool IsLatin1(char c) => c <= 0xFF;
    }

    private static CpuidResult VendorLeaf(CpuIdentity cpu)
    {
        Span<byte> text = stackalloc byte[VendorLength];
        _ = Encoding.Latin1.GetBytes(cpu.Vendor, text);
        return new CpuidResult(cpu.MaxLeaf, Word(text, 0), Word(text, 8), Word(text, 4)); // EBX, EDX, ECX: in this order
    }

    public static CpuidResult SignatureLeaf(string signature, uint maxLeaf)
    {
        Span<byte> text = stackalloc byte[SignatureLength];
        text.Clear();
        _ = Encoding.Latin1.GetBytes(signature, text);
        return new CpuidResult(signature.Length == 0 ? 0 : maxLeaf, Word(text, 0), Word(text, 4), Word(text, 8));
    }

    // The first leaf is the identity's, which a test may choose; the others are the VMM's.
    private static CpuidResult FurtherLeaf(FakeVmmPersonality vmm, uint leaf, CpuIdentity cpu) =>
        vmm.Signatures.FirstOrDefault(one => one.Leaf == leaf) is { } signature
            ? SignatureLeaf(signature.Text, signature.MaxLeaf)
            : vmm.LeafAt(leaf, cpu);

    private static CpuidResult BrandLeaf(CpuIdentity cpu, int part)
    {
        Span<byte> text = stackalloc byte[BrandLength + 1];
        text.Clear();
        _ = Encoding.Latin1.GetBytes(cpu.Brand, text);
        text = text.Slice(part * 16, 16);
        return new CpuidResult(Word(text, 0), Word(text, 4), Word(text, 8), Word(text, 12));
    }

    private static uint Word(ReadOnlySpan<byte> text, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(text[offset..]);
}
