using Hypercall.Tests;
using Iced.Intel;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Intel.Tests;

public sealed class IntelProviderTests
{
    [Theory]
    [InlineData("GenuineIntel", true)]
    [InlineData("CentaurHauls", true)]
    [InlineData("  Shanghai  ", true)]
    [InlineData("Shanghai", false)]
    [InlineData("AuthenticAMD", false)]
    [InlineData("HygonGenuine", false)]
    [InlineData("genuineintel", false)]
    [InlineData("", false)]
    public void It_serves_the_vendors_that_implement_VMX(string vendor, bool serves) =>
        Assert.Equal(serves, new IntelProvider().Probe(new MadeUpCpuid(vendor)).IsUsable);

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Feature_bits_change_nothing(bool vmx, bool svm)
    {
        Assert.True(new IntelProvider().Probe(Cpu("GenuineIntel", vmx, svm)).IsCpusChoice);
        Assert.False(new IntelProvider().Probe(Cpu("AuthenticAMD", vmx, svm)).IsCpusChoice);
    }

    [Fact]
    public void Its_instruction_is_VMCALL()
    {
        HypercallInstruction instruction = new IntelProvider().Instruction;

        Assert.Equal("VMCALL (0F 01 C1)", instruction.ToString());
        Assert.Equal(Code.Vmcall, Decoder.Create(64, instruction.Encoding.ToArray()).Decode().Code);
    }

    [Fact]
    public void It_registers_in_one_word()
    {
        ServiceCollection services = new();
        _ = services.AddHypercall(vmm => vmm.AddIntel().AddIntel());
        using ServiceProvider provider = services.BuildServiceProvider();

        _ = Assert.IsType<IntelProvider>(Assert.Single(provider.GetServices<IHypercallProvider>()));
    }

    private static MadeUpCpuid Cpu(string vendor, bool vmx, bool svm) =>
        new(vendor) { Features = vmx ? 1u << 5 : 0, ExtendedFeatures = svm ? 1u << 2 : 0 };
}
