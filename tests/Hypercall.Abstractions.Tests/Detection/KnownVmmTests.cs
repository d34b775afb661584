namespace Hypercall.Tests.Detection;

public class KnownVmmTests
{
    public static TheoryData<string> Names => [.. KnownVmm.All.Select(vmm => vmm.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_says_its_source_and_its_ways(string name)
    {
        KnownVmm vmm = KnownVmm.All.Single(one => one.Name == name);
        Assert.NotEmpty(vmm.Source);
        Assert.NotEmpty(vmm.Ways);
        Assert.Equal(name, vmm.ToString());
    }

    [Fact]
    public void A_name_in_CPUID_belongs_to_one()
    {
        string[] signatures = [.. KnownVmm.All.SelectMany(vmm => vmm.Signatures)];
        Assert.Equal(signatures.Distinct(), signatures);
        Assert.All(signatures, signature => Assert.Equal(signature.Trim(), signature));
        Assert.All(signatures, signature => Assert.InRange(signature.Length, 1, 12));
        Assert.All(signatures, signature => Assert.Contains(signature, KnownVmm.BySignature(signature)!.Signatures));
        Assert.Null(KnownVmm.BySignature("nobody"));
        Assert.Null(KnownVmm.BySignature(""));
    }

    [Fact]
    public void Each_convention_has_a_VMM_and_what_it_takes_for_its_VMM_is_known()
    {
        Assert.All(HypercallConvention.All, convention => Assert.Contains(KnownVmm.All, vmm => vmm.Conventions.Contains(convention)));
        Assert.All(
            HypercallConvention.All.SelectMany(convention => convention.HypervisorSignatures),
            signature => Assert.NotNull(KnownVmm.BySignature(signature)));
    }
}
