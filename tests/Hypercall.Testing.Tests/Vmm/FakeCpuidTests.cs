using FsCheck.Xunit;

namespace Hypercall.Testing.Tests;

public sealed class FakeCpuidTests
{
    [Fact]
    public void CPUID_tells_the_default_identity() => Assert.All(FakeVmmPersonality.All, personality =>
    {
        FakeMachine fake = new(personality);

        Assert.Equal(fake.Cpu, CpuIdentity.Read(fake.Cpuid));
        Assert.Equal(personality.CpuVendor, fake.Cpu.Vendor);
    });

    [Property]
    public bool CPUID_tells_any_identity(bool intel, byte brand, byte signature, bool present, bool vmx, bool svm, uint maxLeaf, uint maxHypervisorLeaf)
    {
        const string Brand = "A CPU with a long name, such as CPUs have today";
        FakeMachine fake = new()
        {
            Cpu = new CpuIdentity
            {
                Vendor = intel ? "GenuineIntel" : "  Shanghai  ",
                Brand = Brand[..(brand % (Brand.Length + 1))],
                MaxLeaf = maxLeaf,
                HypervisorPresent = present,
                HypervisorSignature = "Some VMM  1."[..(signature % 13)],
                HypervisorMaxLeaf = maxHypervisorLeaf,
                VmxReported = vmx,
                SvmReported = svm,
            },
        };

        CpuIdentity read = CpuIdentity.Read(fake.Cpuid);
        return read == fake.Cpu && read.HypervisorPresent == present && read.VmxReported == vmx && read.SvmReported == svm && read.MaxLeaf == Math.Max(1, maxLeaf);
    }

    [Fact]
    public void An_identity_that_CPUID_cannot_tell_is_refused()
    {
        FakeMachine fake = new();

        _ = Assert.Throws<ArgumentException>(() => fake.Cpu = new CpuIdentity { Vendor = "AMD" });
        _ = Assert.Throws<ArgumentException>(() => fake.Cpu = new CpuIdentity { Vendor = "AuthenticAM\u2122" });
        _ = Assert.Throws<ArgumentException>(() => fake.Cpu = fake.Cpu with { Brand = new string('x', 48) });
        _ = Assert.Throws<ArgumentException>(() => fake.Cpu = fake.Cpu with { HypervisorSignature = "thirteen char" });
        Assert.Equal("AuthenticAMD", fake.Cpu.Vendor);
    }
}
