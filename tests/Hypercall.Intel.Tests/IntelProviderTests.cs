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
        Assert.Equal(serves, new IntelProvider().Serves(new CpuIdentity { Vendor = vendor }));

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Feature_bits_change_nothing(bool vmx, bool svm)
    {
        Assert.True(new IntelProvider().Serves(new CpuIdentity { Vendor = "GenuineIntel", VmxReported = vmx, SvmReported = svm }));
        Assert.False(new IntelProvider().Serves(new CpuIdentity { Vendor = "AuthenticAMD", VmxReported = vmx, SvmReported = svm }));
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
}
