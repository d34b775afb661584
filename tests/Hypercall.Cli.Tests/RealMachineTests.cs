using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using Hypercall.Native;

namespace Hypercall.Cli.Tests;

/// <summary>What a KVM guest on AMD answers: a handful of hypercalls, no more.</summary>
public class RealMachineTests
{
    [SkippableFact]
    public async Task Detect_names_the_CPU_the_instruction_and_the_hypervisor()
    {
        SkipUnlessKvmOnAmd();
        CliRun run = await CliRun.OfAsync("detect --json");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal("AuthenticAMD", run.Json.GetProperty("cpuVendor").GetString());
        Assert.Equal("VMMCALL", run.Json.GetProperty("instruction").GetString());
        Assert.Equal("0F 01 D9", run.Json.GetProperty("instructionEncoding").GetString());
        Assert.True(run.Json.GetProperty("hypervisorPresent").GetBoolean());
        Assert.Equal("KVMKVMKVM", run.Json.GetProperty("hypervisorSignature").GetString());
        Assert.Equal("foreignAbi", run.Json.GetProperty("presence").GetString());
        Assert.Equal("0xffffffffffffffff", run.Json.GetProperty("presenceRax").GetString());
    }

    [SkippableFact]
    public async Task A_call_by_name_exits_4_and_explains_minus_one()
    {
        SkipUnlessKvmOnAmd();
        await CallAndMeetKvm();
    }

    [SkippableFact]
    public async Task The_wrong_instruction_exits_3_and_the_process_lives()
    {
        SkipUnlessKvmOnAmd();
        await CallAndFault();
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Right_and_wrong_instruction_live_in_one_process_in_either_order(bool wrongFirst)
    {
        SkipUnlessKvmOnAmd();
        for (int i = 0; i < 2; i++)
        {
            if (wrongFirst)
            {
                await CallAndFault();
                await CallAndMeetKvm();
            }
            else
            {
                await CallAndMeetKvm();
                await CallAndFault();
            }
        }
    }

    [SkippableFact]
    public async Task A_call_by_KVM_s_own_convention_is_refused_with_exit_1()
    {
        SkipUnlessKvmOnAmd();
        CliRun run = await CliRun.OfAsync("raw --convention kvm --number 1 --json"); // KVM_HC_VAPIC_POLL_IRQ, which does nothing; EPERM from CPL 3

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.True(run.Json.GetProperty("convention").GetProperty("failed").GetBoolean());
    }

    [SkippableFact]
    public async Task The_demonstration_on_the_real_VMM_exits_4()
    {
        SkipUnlessKvmOnAmd();
        Assert.Equal(ExitCode.ForeignVmm, (await CliRun.OfAsync("demo --vmm real")).ExitCode);
    }

    private static async Task CallAndMeetKvm()
    {
        CliRun run = await CliRun.OfAsync("call dbgsh --rbx -1");
        Assert.Equal(ExitCode.ForeignVmm, run.ExitCode);
        Assert.Contains("-1 is EPERM", run.Error, StringComparison.Ordinal);
        Assert.Contains("KVM", run.Error, StringComparison.Ordinal);
    }

    private static async Task CallAndFault()
    {
        CliRun run = await CliRun.OfAsync("call dbgsh --rbx -1 --instruction vmcall --json");
        Assert.Equal(ExitCode.Faulted, run.ExitCode);
        JsonElement fault = run.Json.GetProperty("error").GetProperty("fault");
        Assert.Equal("#GP", fault.GetProperty("fault").GetString());
        Assert.Equal("VMCALL", fault.GetProperty("instruction").GetString());
        Assert.Equal(13, fault.GetProperty("trapNumber").GetInt32());
    }

    private static void SkipUnlessKvmOnAmd()
    {
        Skip.IfNot(X86Base.IsSupported, "Not an x86 CPU.");
        CpuIdentity cpu = CpuIdentity.Read(new NativeMachine([]).Cpuid);
        Skip.IfNot(
            cpu is { Vendor: "AuthenticAMD", HypervisorPresent: true, HypervisorSignature: "KVMKVMKVM" },
            $"Only a KVM guest on AMD answers so; this is '{cpu.Vendor}' under '{cpu.HypervisorSignature}'.");
    }
}
