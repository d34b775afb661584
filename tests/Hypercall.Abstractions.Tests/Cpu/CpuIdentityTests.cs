using System.Buffers.Binary;
using System.Text;
using NSubstitute;

namespace Hypercall.Tests.Cpu;

public class CpuIdentityTests
{
    [Theory]
    [InlineData("GenuineIntel")]
    [InlineData("AuthenticAMD")]
    [InlineData("HygonGenuine")]
    [InlineData("CentaurHauls")]
    [InlineData("  Shanghai  ")]
    public void The_vendor_is_read_with_its_blanks(string vendor) =>
        Assert.Equal(vendor, CpuIdentity.Read(new TableCpuid { Vendor = vendor }).Vendor);

    [Fact]
    public void The_brand_is_trimmed() =>
        Assert.Equal("AMD EPYC 7B13", CpuIdentity.Read(new TableCpuid { Brand = "  AMD EPYC 7B13   \0\0" }).Brand);

    [Fact]
    public void A_CPU_without_brand_leaves_has_an_empty_brand() =>
        Assert.Equal("", CpuIdentity.Read(new TableCpuid { Brand = "never read", MaxExtendedLeaf = 0x8000_0003 }).Brand);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_signature_is_read_whatever_the_hypervisor_bit_says(bool bit)
    {
        CpuIdentity cpu = CpuIdentity.Read(new TableCpuid { HypervisorBit = bit, Signature = "KVMKVMKVM\0\0\0", HypervisorMaxLeaf = 0x4000_0001 });
        Assert.Equal(bit, cpu.HypervisorPresent);
        Assert.Equal("KVMKVMKVM", cpu.HypervisorSignature);
        Assert.Equal(0x4000_0001u, cpu.HypervisorMaxLeaf);
    }

    [Fact]
    public void Registers_that_hold_no_text_are_no_signature()
    {
        CpuIdentity cpu = CpuIdentity.Read(new TableCpuid { Signature = "\u0001\u0080abcdefghij", HypervisorMaxLeaf = 7 });
        Assert.Equal("", cpu.HypervisorSignature);
        Assert.Equal(0u, cpu.HypervisorMaxLeaf);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void VMX_and_SVM_bits_are_reported(bool vmx, bool svm)
    {
        CpuIdentity cpu = CpuIdentity.Read(new TableCpuid { Vmx = vmx, Svm = svm });
        Assert.Equal((vmx, svm), (cpu.VmxReported, cpu.SvmReported));
    }

    [Fact]
    public void A_CPU_with_leaf_0_only_is_not_asked_for_leaf_1()
    {
        ICpuid cpuid = Substitute.For<ICpuid>();
        cpuid.Query(0).Returns(new CpuidResult(0, 0x756e6547, 0x6c65746e, 0x49656e69));
        Assert.Equal("GenuineIntel", CpuIdentity.Read(cpuid).Vendor);
        _ = cpuid.DidNotReceive().Query(1, Arg.Any<uint>());
    }

    [Fact]
    public void A_brand_may_fill_its_48_characters()
    {
        string brand = string.Concat(Enumerable.Range(0, 48).Select(i => (char)('A' + (i % 26))));
        Assert.Equal(brand, CpuIdentity.Read(new TableCpuid { Brand = brand, MaxExtendedLeaf = 0x8000_0004 }).Brand);
    }

    [Theory]
    [InlineData(0x8000_0003, false)]
    [InlineData(0x8000_0004, true)]
    [InlineData(0x8000_FFFF, true)]
    [InlineData(0x8001_0000, false)] // no CPU has so many: it does not know the leaf, and answered another one
    public void The_brand_is_read_where_the_extended_leaves_reach_to_it(uint maxExtended, bool read) =>
        Assert.Equal(read ? "brand" : "", CpuIdentity.Read(new TableCpuid { Brand = "brand", MaxExtendedLeaf = maxExtended }).Brand);

    [Theory]
    [InlineData(0x8000_0000, false)]
    [InlineData(0x8000_0001, true)]
    [InlineData(0x8000_FFFF, true)]
    [InlineData(0x8001_0000, false)]
    public void SVM_is_read_where_the_extended_leaves_reach_to_it(uint maxExtended, bool read) =>
        Assert.Equal(read, CpuIdentity.Read(new TableCpuid { Svm = true, MaxExtendedLeaf = maxExtended }).SvmReported);

    [Theory]
    [InlineData("ACRNACRNACRN")]
    [InlineData("a b~c")]
    public void A_signature_is_any_printable_text(string signature) =>
        Assert.Equal(signature, CpuIdentity.Read(new TableCpuid { Signature = signature.PadRight(12, '\0') }).HypervisorSignature);

    [Fact]
    public void What_CPUID_was_not_asked_for_is_empty()
    {
        CpuIdentity cpu = new() { Vendor = "v" };
        Assert.Equal(("", ""), (cpu.Brand, cpu.HypervisorSignature));
    }

    private sealed class TableCpuid : ICpuid
    {
        public string Vendor { get; init; } = "AuthenticAMD";

        public string Brand { get; init; } = "";

        public string Signature { get; init; } = new('\0', 12);

        public uint HypervisorMaxLeaf { get; init; }

        public uint MaxExtendedLeaf { get; init; } = 0x8000_0008;

        public bool HypervisorBit { get; init; }

        public bool Vmx { get; init; }

        public bool Svm { get; init; }

        public CpuidResult Query(uint leaf, uint subleaf = 0) => leaf switch
        {
            0 => new CpuidResult(1, Word(Vendor, 0), Word(Vendor, 2), Word(Vendor, 1)), // EBX, EDX, ECX hold the text in this order
            1 => new CpuidResult(0, 0, (HypervisorBit ? 1u << 31 : 0) | (Vmx ? 1u << 5 : 0), 0),
            0x4000_0000 => new CpuidResult(HypervisorMaxLeaf, Word(Signature, 0), Word(Signature, 1), Word(Signature, 2)),
            0x8000_0000 => new CpuidResult(MaxExtendedLeaf, 0, 0, 0),
            0x8000_0001 => new CpuidResult(0, 0, Svm ? 1u << 2 : 0, 0),
            >= 0x8000_0002 and <= 0x8000_0004 => BrandPart((int)(leaf - 0x8000_0002) * 4),
            _ => default,
        };

        private CpuidResult BrandPart(int first) => new(Word(Brand, first), Word(Brand, first + 1), Word(Brand, first + 2), Word(Brand, first + 3));

        private static uint Word(string text, int index) =>
            BinaryPrimitives.ReadUInt32LittleEndian(Encoding.Latin1.GetBytes(text.PadRight(48, '\0')).AsSpan(index * 4));
    }
}
