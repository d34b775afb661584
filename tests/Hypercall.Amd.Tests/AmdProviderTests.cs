using Hypercall.Tests;
using Iced.Intel;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Amd.Tests;

public sealed class AmdProviderTests
{
    [Theory]
    [InlineData("GenuineIntel", false)]
    [InlineData("CentaurHauls", false)]
    [InlineData("  Shanghai  ", false)]
    [InlineData("AuthenticAMD", true)]
    [InlineData("HygonGenuine", true)]
    [InlineData("authenticamd", false)]
    [InlineData("", false)]
    public void It_serves_the_vendors_that_implement_SVM(string vendor, bool serves) =>
        Assert.Equal(serves, new AmdProvider().Probe(new MadeUpCpuid(vendor)).IsUsable);

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Feature_bits_change_nothing(bool vmx, bool svm)
    {
        Assert.True(new AmdProvider().Probe(Cpu("AuthenticAMD", vmx, svm)).IsCpusChoice);
        Assert.False(new AmdProvider().Probe(Cpu("GenuineIntel", vmx, svm)).IsCpusChoice);
    }

    [Fact]
    public void Its_instruction_is_VMMCALL()
    {
        HypercallInstruction instruction = new AmdProvider().Instruction;

        Assert.Equal("VMMCALL (0F 01 D9)", instruction.ToString());
        Assert.Equal(Code.Vmmcall, Decoder.Create(64, instruction.Encoding.ToArray()).Decode().Code);
    }

    [Fact]
    public void It_registers_in_one_word()
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.AddAmd().AddAmd());
        using ServiceProvider provider = services.BuildServiceProvider();

        _ = Assert.IsType<AmdProvider>(Assert.Single(provider.GetServices<IHypercallProvider>()));
    }

    private static MadeUpCpuid Cpu(string vendor, bool vmx, bool svm) =>
        new(vendor) { Features = vmx ? 1u << 5 : 0, ExtendedFeatures = svm ? 1u << 2 : 0 };
}
