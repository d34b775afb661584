using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;
using NSubstitute;

namespace Hypercall.Cli.Tests.Commands;

/// <summary>A warning where CPUID names another VMM than the convention's, and silence where nothing is known.</summary>
public class HypervisorWarningTests
{
    private const StringComparison Exactly = StringComparison.Ordinal;

    private static readonly CpuIdentity UnderKvm =
        Machines.Amd with { HypervisorPresent = true, HypervisorSignature = "KVMKVMKVM" };

    [Theory]
    [InlineData("kvm", "KVMKVMKVM", false)]
    [InlineData("kvm", "XenVMMXenVMM", true)]
    [InlineData("kvm", "Microsoft Hv", true)]
    [InlineData("xen", "XenVMMXenVMM", false)]
    [InlineData("xen", "KVMKVMKVM", true)]
    [InlineData("hyper-v", "Microsoft Hv", false)]
    [InlineData("hyper-v", "Linux KVM Hv", false)]
    [InlineData("hyper-v", "VMwareVMware", true)]
    [InlineData("vmware", "VMwareVMware", false)]
    [InlineData("vmware", "KVMKVMKVM", true)]
    [InlineData("acrn", "ACRNACRNACRN", false)]
    [InlineData("acrn", "KVMKVMKVM", true)]
    [InlineData("nyx", "KVMKVMKVM", false)] // a KVM with patches
    [InlineData("nyx", "XenVMMXenVMM", true)]
    [InlineData("bitvisor", "KVMKVMKVM", true)]
    [InlineData("bitvisor", "", false)]
    [InlineData("bitvisor", "TCGTCGTCGTCG", false)] // no convention's
    [InlineData("xen", "", false)]
    [InlineData("xen", "TCGTCGTCGTCG", false)]
    public async Task Only_the_known_name_of_another_VMM_warns(string convention, string signature, bool warns)
    {
        CliRun people = await CliRun.OfAsync($"call --convention {convention} --number 1", On(signature));
        CliRun program = await CliRun.OfAsync($"call --convention {convention} --number 1 --json", On(signature));

        Assert.Equal(warns, people.Error.StartsWith($"hypercall: warning: CPUID names the VMM '{signature}'", Exactly));
        Assert.Equal(warns, people.Error.Length > 0);
        Assert.Equal(warns ? 1 : 0, program.Json.GetProperty("warnings").GetArrayLength());
        Assert.Empty(program.Error);
        Assert.Equal(people.ExitCode, program.ExitCode);
    }

    [Theory]
    [InlineData(
        "kvm",
        0x4b4d564b, 0x564b4d56, 0x0000004d, false)] // KVMKVMKVM at 0x40000100, as KVM with Hyper-V enlightenments has it
    [InlineData("xen", 0x566e6558, 0x65584d4d, 0x4d4d566e, false)] // XenVMMXenVMM, as Xen with viridian
    [InlineData("acrn", 0x4b4d564b, 0x564b4d56, 0x0000004d, true)]
    public async Task A_VMM_that_shows_Hyper_V_s_leaves_names_itself_behind_them(
        string convention, uint ebx, uint ecx, uint edx, bool warns)
    {
        ICpuid cpuid = Substitute.For<ICpuid>();
        cpuid.Query(0x4000_0100, Arg.Any<uint>()).Returns(new CpuidResult(0x4000_0101, ebx, ecx, edx));
        CliRun run = await CliRun.OfAsync($"call --convention {convention} --number 1 --json", services =>
        {
            On("Microsoft Hv")(services);
            services.AddSingleton(cpuid);
            services.AddSingleton(Machines.Amd with { HypervisorPresent = true, HypervisorSignature = "Microsoft Hv" });
        });

        Assert.Equal(warns ? 1 : 0, run.Json.GetProperty("warnings").GetArrayLength());
    }

    [Fact]
    public async Task A_name_that_the_VMM_found_needs_no_warning()
    {
        FakeMachine fake = new FakeMachine { Cpu = UnderKvm }.On("foo", call => call.Rax = 0);

        CliRun run = await CliRun.OfAsync("call foo", Machines.Use(fake));
        Assert.Equal((ExitCode.Done, ""), (run.ExitCode, run.Error));
    }

    [Fact]
    public async Task An_error_carries_the_warning_too()
    {
        FakeMachine fake = new(FakeVmmPersonality.None) { Cpu = UnderKvm };
        CliRun program = await CliRun.OfAsync("call --convention xen --number 17 --json", Machines.Use(fake));
        CliRun people = await CliRun.OfAsync("call --convention xen --number 17", Machines.Use(fake));

        Assert.Equal(ExitCode.Faulted, program.ExitCode);
        Assert.Equal(1, program.Json.GetProperty("error").GetProperty("warnings").GetArrayLength());
        Assert.Equal(2, people.Error.Split("hypercall: ").Length - 1);
    }

    [Fact]
    public async Task The_usual_fakes_warn_as_their_CPUID_says()
    {
        Assert.Contains(
            "warning: CPUID names the VMM 'KVMKVMKVM' (KVM)",
            (await CliRun.OfAsync("call --convention bitvisor --number 4 --fake kvm")).Error,
            StringComparison.Ordinal);
        Assert.Empty((await CliRun.OfAsync("call --convention xen --number 17 --vmm fake")).Error);
        Assert.Empty((await CliRun.OfAsync("call --convention xen --number 17 --fake deaf")).Error);
    }

    private static Action<IServiceCollection> On(string signature) =>
        Machines.Use(new FakeMachine(FakeVmmPersonality.Deaf) { Cpu = UnderKvm with { HypervisorSignature = signature } });
}
