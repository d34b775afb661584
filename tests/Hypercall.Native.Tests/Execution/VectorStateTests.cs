using NSubstitute;

namespace Hypercall.Native.Tests.Cpu;

public sealed class VectorStateTests
{
    [Theory]
    [InlineData(true, true, 0b111u, true)]
    [InlineData(true, true, 0xE7u, true)]   // AVX-512 as well
    [InlineData(true, true, 0b011u, false)] // a kernel that turned AVX off, or a VMM that does not let it be turned on
    [InlineData(true, true, 0b101u, false)]
    [InlineData(true, false, 0b111u, false)]
    [InlineData(false, true, 0b111u, false)]
    [InlineData(false, false, 0u, false)]
    public void There_is_something_to_clear_where_the_CPU_has_AVX_and_the_system_saves_it(bool osXSave, bool avx, uint xcr0, bool expected)
    {
        ICpuid cpuid = Substitute.For<ICpuid>();
        _ = cpuid.Query(1).Returns(new CpuidResult(0, 0, (osXSave ? 1u << 27 : 0) | (avx ? 1u << 28 : 0), 0));
        bool wasRead = false;

        bool isKept = VectorState.IsKept(cpuid, () =>
        {
            wasRead = true;
            return xcr0;
        });

        Assert.Equal(expected, isKept);
        Assert.True(osXSave || !wasRead, "XGETBV is an invalid opcode without OSXSAVE.");
    }

    [Fact]
    public void This_CPU_is_seen_as_the_kernel_sees_it_and_not_as_the_runtime_was_configured()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && TestTarget.CanExecute, "/proc/cpuinfo is Linux's.");
        string flags = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("flags", StringComparison.Ordinal));

        Assert.Equal(flags.Split(' ').Contains("avx"), VectorState.IsKept(new NativeCpuid(), VectorState.ReadXcr0));
    }
}
