using System.Runtime.Intrinsics.X86;

namespace Hypercall.Native.Tests.Cpu;

public sealed class NativeCpuidTests
{
    [Fact]
    public void Leaf_0_spells_a_vendor()
    {
        Assert.SkipUnless(X86Base.IsSupported, "CPUID exists on x86 only.");
        CpuIdentity cpu = CpuIdentity.Read(new NativeCpuid());

        Assert.Equal(12, cpu.Vendor.Length);
        Assert.All(cpu.Vendor, letter => Assert.InRange(letter, ' ', '~'));
        Assert.True(cpu.MaxLeaf > 0);
    }

    [Fact]
    public void The_registers_are_not_mixed_up()
    {
        Assert.SkipUnless(X86Base.IsSupported, "CPUID exists on x86 only.");
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(0, 0);

        Assert.Equal(new CpuidResult((uint)eax, (uint)ebx, (uint)ecx, (uint)edx), new NativeCpuid().Query(0));
    }

    [Fact]
    public void The_subleaf_arrives()
    {
        Assert.SkipUnless(X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= 0xD, "This CPU has no leaf 0xD.");

        Assert.NotEqual(new NativeCpuid().Query(0xD), new NativeCpuid().Query(0xD, 2)); // XCR0 mask against AVX state
    }

    [Fact]
    public void Without_x86_it_says_so()
    {
        Assert.SkipWhen(X86Base.IsSupported, "This CPU is x86.");

        _ = Assert.Throws<PlatformNotSupportedException>(() => new NativeCpuid().Query(0));
    }
}
