using FsCheck.Xunit;
using Hypercall.Tests.Detection;

namespace Hypercall.Tests.Cpu;

public class CpuidSignatureTests
{
    private const uint First = 0x4000_0000;

    // Any set of names at any leaves is found, in the order of the leaves, whatever stands elsewhere.
    [Property]
    public bool Any_names_at_any_leaves_are_found(byte[] places, byte length, uint junk)
    {
        ArgumentNullException.ThrowIfNull(places);
        TableCpuid cpuid = new TableCpuid().Has(0x16, new CpuidResult(junk, junk, ~junk, junk * 3));
        string[] expected = [.. places.Distinct().Order().Select(place =>
        {
            uint leaf = First + ((uint)place * 0x100);
            string text = $"{place:x2} {new string('v', length % 10)}".TrimEnd();
            cpuid.Has(leaf, text, leaf + 1);
            return $"{text} at 0x{leaf:x}";
        })];
        return CpuidSignature.ReadAll(cpuid).Select(one => one.ToString()).SequenceEqual(expected);
    }

    // What no VMM says of itself: text whose highest leaf is outside of the leaf's range, and bytes that are no text.
    [Property]
    public bool Junk_is_no_name(byte place, uint eax, byte noText)
    {
        uint leaf = First + (Math.Max((byte)1, place) * 0x100u);
        uint outside = eax >= leaf && eax < 0x4001_0000 ? First : eax;
        char none = (char)(noText < ' ' ? noText : noText | 0x80); // control characters, and what is outside of ASCII
        TableCpuid cpuid = new TableCpuid().Has(leaf, "KVMKVMKVM", outside).Has(First, $"KVM{none}KVM", First + 1);
        return CpuidSignature.ReadAll(cpuid).Count == 0;
    }

    [Fact]
    public void A_CPU_that_answers_unknown_leaves_with_its_highest_basic_leaf_has_no_name()
    {
        TableCpuid cpuid = new TableCpuid().Has(0x16, "some text", 0x4000_FFFF);
        Assert.Empty(CpuidSignature.ReadAll(cpuid));
        Assert.Equal("", CpuIdentity.Read(cpuid).HypervisorSignature);
    }

    [Fact]
    public void A_VMM_that_answers_all_leaves_with_its_first_is_found_once()
    {
        TableCpuid cpuid = new();
        for (uint leaf = First; leaf < 0x4001_0000; leaf += 0x100)
        {
            cpuid.Has(leaf, "bhyve bhyve ", First); // FreeBSD, sys/amd64/vmm/x86.c: a leaf above the highest is taken for that
        }

        CpuidSignature found = Assert.Single(CpuidSignature.ReadAll(cpuid));
        Assert.Equal((First, "bhyve bhyve", First), (found.Leaf, found.Text, found.MaxLeaf));
    }

    [Fact]
    public void A_name_is_found_where_the_first_leaf_has_none() =>
        Assert.Equal("XenVMMXenVMM at 0x40000100", Assert.Single(CpuidSignature.ReadAll(new TableCpuid().Has(First + 0x100, "XenVMMXenVMM", First + 0x105))).ToString());

    [Theory]
    [InlineData(0u)] // an old KVM
    [InlineData(0x4000_0001u)]
    [InlineData(0xFFFF_FFFFu)]
    public void At_the_first_leaf_the_highest_leaf_may_be_anything(uint maxLeaf)
    {
        CpuidSignature found = Assert.Single(CpuidSignature.ReadAll(new TableCpuid().Has(First, "KVMKVMKVM", maxLeaf)));
        Assert.Equal(("KVMKVMKVM", maxLeaf), (found.Text, found.MaxLeaf));
        CpuIdentity cpu = CpuIdentity.Read(new TableCpuid().Has(First, "KVMKVMKVM", maxLeaf));
        Assert.Equal((found.Text, found.MaxLeaf), (cpu.HypervisorSignature, cpu.HypervisorMaxLeaf));
    }

    [Fact]
    public void Nothing_is_asked_beyond_the_last_leaf()
    {
        TableCpuid cpuid = new TableCpuid().Has(0x4000_FF00, "a", 0x4000_FF01).Has(0x4001_0000, "b", 0x4001_0001);
        Assert.Equal("a", Assert.Single(CpuidSignature.ReadAll(cpuid)).Text);
    }
}
