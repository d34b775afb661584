using Hypercall.Amd;
using Hypercall.Intel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Native.Tests.Detection;

public class NativeHypervisorSignsTests
{
    private static readonly NativeMachine Machine = new([new IntelProvider(), new AmdProvider()]);

    [Fact]
    public void The_CPUID_that_Xen_emulates_is_UD_elsewhere_and_the_process_lives()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        if (Machine.Signs.TryGetForcedCpuid() is { } forced)
        {
            Assert.Contains(CpuidSignature.ReadAll(forced), name => name.Text == "XenVMMXenVMM");
        }
        else
        {
            Assert.NotEqual("xen", Machine.Signs.TryReadFile("/sys/hypervisor/guest_type")?.Trim()); // as it would be under PV
        }
    }

    // The prefix is not at fault for what it is: CPUID behind nothing gives through the same stub what CPUID gives.
    [Fact]
    public void CPUID_through_a_stub_gives_what_CPUID_gives()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        IHypercallProvider way = new PlainCpuid();
        HypercallRegisters registers = new() { Rax = 0x4000_0000 };
        Assert.True(way.Open(new HypercallTarget(CpuIdentity.Read(Machine.Cpuid), way), NullLoggerFactory.Instance).TryInvoke(ref registers).IsCompleted);
        CpuidResult plain = Machine.Cpuid.Query(0x4000_0000);
        Assert.Equal((plain.Ebx, plain.Ecx, plain.Edx), ((uint)registers.Rbx, (uint)registers.Rcx, (uint)registers.Rdx));
    }

    [Fact]
    public void Files_are_those_of_Linux()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is no /proc here.");
        Assert.Contains("Cpus_allowed_list:", Machine.Signs.TryReadFile("/proc/self/status"), StringComparison.Ordinal);
        Assert.True(Machine.Signs.FileExists("/dev/null"));
        Assert.Null(Machine.Signs.TryReadFile("/no/such/file"));
        Assert.False(Machine.Signs.FileExists("/no/such/file"));
    }

    [Fact]
    public void What_is_found_rests_on_CPUID()
    {
        Assert.SkipUnless(TestTarget.CanExecute, "Machine code is emitted for x86-64 on Linux and Windows only.");
        CpuIdentity cpu = CpuIdentity.Read(Machine.Cpuid);
        Assert.SkipWhen(cpu.HypervisorSignature.Length == 0, "CPUID names nobody here.");
        HypervisorFinding first = HypervisorDetector.Detect(Machine.Signs)[0];
        Assert.Contains($"'{cpu.HypervisorSignature}'", first.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_shows_all_its_ways() => Assert.Equal(["Intel", "AMD"], Machine.Providers.Select(way => way.Name));

    private sealed class PlainCpuid() : InstructionProvider("Plain", new HypercallInstruction("CPUID", [0x0F, 0xA2]))
    {
    }
}
