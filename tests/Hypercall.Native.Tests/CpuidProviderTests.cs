using Iced.Intel;

namespace Hypercall.Native.Tests;

public sealed class CpuidProviderTests
{
    private const uint NoApicId = 0x00FF_FFFF; // EBX[31:24] of leaf 1 is a CPU's own

    [Fact]
    public void The_bytes_are_CPUID()
    {
        HypercallInstruction instruction = new CpuidProvider().Instruction;

        Assert.Equal("CPUID (0F A2)", instruction.ToString());
        Assert.Equal(Code.Cpuid, Decoder.Create(64, instruction.Encoding.ToArray()).Decode().Code);
        Assert.Equal("cpuid", new CpuidProvider().Name);
    }

    [Fact]
    public void It_is_usable_on_any_CPU_and_never_its_choice()
    {
        HypercallProbe probe = new CpuidProvider().Probe(FakeCpu.Of("AnyCpuOfTest"));

        Assert.Equal((true, false), (probe.IsUsable, probe.IsCpusChoice));
    }

    [Fact]
    public void Through_the_stub_it_gives_what_CPUID_gives()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        using NativeMachine machine = new([new CpuidProvider()]);
        foreach (uint leaf in (uint[])[0, 1, 0x8000_0000])
        {
            CpuidResult expected = new NativeCpuid().Query(leaf);
            HypercallRegisters registers = new()
            {
                Rax = 0xFFFF_FFFF_0000_0000 | leaf, Rbx = ulong.MaxValue, Rcx = 0, Rdx = ulong.MaxValue, Rsi = 1, R15 = 2,
            };

            Assert.True(machine.Channel.TryInvoke(ref registers).IsCompleted);

            uint stable = leaf == 1 ? NoApicId : uint.MaxValue;
            Assert.Equal((expected.Eax, expected.Ecx, expected.Edx), (registers.Rax, registers.Rcx, registers.Rdx));
            Assert.Equal((expected.Ebx & stable, 0ul), (registers.Rbx & stable, registers.Rbx >> 32));
            Assert.Equal((1ul, 2ul), (registers.Rsi, registers.R15));
        }
    }

    [Fact]
    public void Beside_the_vendors_it_has_to_be_named()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "CPUID is executed on x86-64 only.");
        IHypercallProvider[] both = [new NopProvider(), new CpuidProvider()];

        using NativeMachine unnamed = new(both);
        Assert.Equal(2, Assert.Throws<HypercallProviderException>(() => unnamed.Target).Matches);
        using NativeMachine named = new(both, new HypercallOptions { Provider = "CPUID" });
        Assert.Equal("CPUID", named.Target.Way);
    }

    [Fact]
    public void Its_advice_on_GP_is_its_own()
    {
        string? advice = new CpuidProvider().Advise(new CpuFault(CpuFaultKind.GeneralProtection));
        Assert.Contains("ARCH_SET_CPUID", advice, StringComparison.Ordinal);
        Assert.Null(new CpuidProvider().Advise(new CpuFault(CpuFaultKind.InvalidOpcode)));
    }
}
