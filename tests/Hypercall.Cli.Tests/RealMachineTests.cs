using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using Hypercall.Native;

namespace Hypercall.Cli.Tests;

/// <summary>What a KVM guest answers, on AMD and on Intel: a handful of hypercalls, no more.</summary>
public class RealMachineTests
{
    [Fact]
    public async Task Detect_names_the_CPU_the_instruction_and_the_hypervisor()
    {
        bool isAmd = IsAmdUnderKvm();
        CliRun run = await CliRun.OfAsync("detect --try --json");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(isAmd ? "AuthenticAMD" : "GenuineIntel", run.Json.GetProperty("cpuVendor").GetString());
        Assert.Equal(isAmd ? "VMMCALL" : "VMCALL", run.Json.GetProperty("instruction").GetString());
        Assert.Equal(isAmd ? "0F 01 D9" : "0F 01 C1", run.Json.GetProperty("instructionEncoding").GetString());
        Assert.True(run.Json.GetProperty("hypervisorPresent").GetBoolean());
        Assert.Equal("KVMKVMKVM", run.Json.GetProperty("hypervisorSignature").GetString());
        Assert.Equal("foreignAbi", run.Json.GetProperty("presence").GetString());
        Assert.Equal("0xffffffffffffffff", run.Json.GetProperty("presenceRax").GetString());
    }

    [Fact]
    public async Task Detect_finds_KVM_and_says_that_it_refuses_user_mode()
    {
        bool isAmd = IsAmdUnderKvm();
        CliRun run = await CliRun.OfAsync("detect --try --json");

        Assert.Equal("KVM", run.Json.GetProperty("hypervisors")[0].GetProperty("name").GetString());
        JsonElement chosen = run.Json.GetProperty("channels").EnumerateArray().Single(way => way.GetProperty("chosen").GetBoolean());
        Assert.Equal((isAmd ? "AMD" : "Intel", "refused"), (chosen.GetProperty("name").GetString(), chosen.GetProperty("state").GetString()));
        Assert.Equal("KVM 1 (KVM_HC_VAPIC_POLL_IRQ, which does nothing)", chosen.GetProperty("call").GetString());
        Assert.Equal("0xffffffffffffffff", chosen.GetProperty("rax").GetString());
    }

    [Fact]
    public async Task A_call_by_name_exits_4_and_explains_minus_one()
    {
        _ = IsAmdUnderKvm();
        await CallAndMeetKvm();
    }

    [Fact]
    public async Task The_wrong_instruction_exits_3_and_the_process_lives()
    {
        await CallAndFault(IsAmdUnderKvm());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Right_and_wrong_instruction_live_in_one_process_in_either_order(bool wrongFirst)
    {
        bool isAmd = IsAmdUnderKvm();
        for (int i = 0; i < 2; i++)
        {
            if (wrongFirst)
            {
                await CallAndFault(isAmd);
                await CallAndMeetKvm();
            }
            else
            {
                await CallAndMeetKvm();
                await CallAndFault(isAmd);
            }
        }
    }

    [Fact]
    public async Task A_call_by_KVM_s_own_convention_is_refused_with_exit_1()
    {
        _ = IsAmdUnderKvm();
        CliRun run = await CliRun.OfAsync("call --convention kvm --number 1 --json"); // KVM_HC_VAPIC_POLL_IRQ, which does nothing; EPERM from CPL 3

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.True(run.Json.GetProperty("convention").GetProperty("failed").GetBoolean());
    }

    [Fact]
    public async Task The_demonstration_on_the_real_VMM_exits_4()
    {
        _ = IsAmdUnderKvm();
        Assert.Equal(ExitCode.ForeignVmm, (await CliRun.OfAsync("demo --vmm real")).ExitCode);
    }

    private static async Task CallAndMeetKvm()
    {
        CliRun run = await CliRun.OfAsync("call dbgsh --rbx -1");
        Assert.Equal(ExitCode.ForeignVmm, run.ExitCode);
        Assert.Contains("-1 is EPERM", run.Error, StringComparison.Ordinal);
        Assert.Contains("KVM", run.Error, StringComparison.Ordinal);
    }

    private static async Task CallAndFault(bool isAmd)
    {
        string wrong = isAmd ? "VMCALL" : "VMMCALL";
        CliRun run = await CliRun.OfAsync($"call dbgsh --rbx -1 --instruction {wrong.ToLowerInvariant()} --json");
        Assert.Equal(ExitCode.Faulted, run.ExitCode);
        JsonElement fault = run.Json.GetProperty("error").GetProperty("fault");
        Assert.Equal(isAmd ? "#GP" : "#PF", fault.GetProperty("fault").GetString()); // on Intel, KVM tries to patch it in place
        Assert.Equal(wrong, fault.GetProperty("instruction").GetString());
        Assert.Equal(isAmd ? 13 : 14, fault.GetProperty("trapNumber").GetInt32());
        Assert.Contains("--instruction", fault.GetProperty("advice").GetString(), StringComparison.Ordinal);
    }

    private static bool IsAmdUnderKvm()
    {
        Assert.SkipUnless(X86Base.IsSupported, "Not an x86 CPU.");
        CpuIdentity cpu = CpuIdentity.Read(new NativeMachine([]).Cpuid);
        Assert.SkipUnless(
            cpu is { Vendor: "AuthenticAMD" or "GenuineIntel", HypervisorPresent: true, HypervisorSignature: "KVMKVMKVM" },
            $"Only a KVM guest answers so; this is '{cpu.Vendor}' under '{cpu.HypervisorSignature}'.");
        return cpu.Vendor == "AuthenticAMD";
    }
}
