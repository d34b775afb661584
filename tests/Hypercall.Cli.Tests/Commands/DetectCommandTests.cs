using System.Text.Json;
using Hypercall.Testing;
using NSubstitute;

namespace Hypercall.Cli.Tests.Commands;

public class DetectCommandTests
{
    [Theory]
    [InlineData("bitvisor", "present")]
    [InlineData("kvm", "foreignAbi")]
    [InlineData("deaf", "absent")]
    [InlineData("none", "faulted")]
    [InlineData("bitvisor-as-seen", "present")]
    [InlineData("kvm-hyperv", "foreignAbi")]
    [InlineData("xen", "foreignAbi")]
    [InlineData("xen-pv", "faulted")]
    [InlineData("hyperv", "faulted")]
    [InlineData("vmware", "faulted")]
    [InlineData("acrn", "faulted")]
    [InlineData("nyx", "foreignAbi")]
    public async Task It_says_who_is_on_the_other_side(string personality, string presence)
    {
        CliRun run = await CliRun.OfAsync($"detect --try --fake {personality} --json");

        Assert.Equal(presence, run.Json.GetProperty("presence").GetString());
        Assert.Equal("fake", run.Json.GetProperty("vmm").GetString());
        Assert.Equal(presence == "faulted", run.Json.GetProperty("presenceFault").ValueKind == JsonValueKind.Object);
        Assert.Equal(presence == "faulted", run.Json.GetProperty("presenceRax").ValueKind == JsonValueKind.Null);
        Assert.NotEmpty(run.Json.GetProperty("notes").EnumerateArray());
    }

    [Theory]
    [InlineData("bitvisor")]
    [InlineData("kvm")]
    [InlineData("none")]
    public async Task Without_a_try_nobody_is_asked_and_the_fields_say_so(string personality)
    {
        CliRun run = await CliRun.OfAsync($"detect --fake {personality} --json");

        Assert.Equal("notAsked", run.Json.GetProperty("presence").GetString());
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("presenceRax").ValueKind);
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("presenceFault").ValueKind);
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("error").ValueKind);
        string same = personality == "bitvisor" ? "--vmm fake" : $"--fake {personality}";
        Assert.Equal($"hypercall detect --try {same}", run.Json.GetProperty("next").GetString());
        Assert.All(Items(run, "channels"), way => Assert.Equal(JsonValueKind.Null, way.GetProperty("call").ValueKind));
        Assert.Equal("not asked: --try asks", (await CliRun.OfAsync($"detect --fake {personality}")).Fact("Functions by name"));
    }

    [Fact]
    public async Task Without_a_try_no_channel_is_opened_and_no_memory_taken()
    {
        FakeMachine fake = new(new FakeMachineOptions { Record = true });
        IHypercallMachine machine = Substitute.For<IHypercallMachine>();
        machine.Cpuid.Returns(fake.Cpuid);
        machine.Signs.Returns(fake.Signs);
        machine.Target.Returns(fake.Target);
        machine.Providers.Returns(fake.Providers);
        machine.Channel.Returns(_ => throw new InvalidOperationException("The channel was opened."));
        machine.Memory.Returns(_ => throw new InvalidOperationException("Memory was asked for."));

        Assert.Equal(ExitCode.Done, (await CliRun.OfAsync("detect", Machines.Use(machine))).ExitCode);
        Assert.Empty(fake.Trace.Lines);
    }

    [Fact]
    public async Task Its_JSON_has_these_names_whatever_it_found()
    {
        string[] names =
        [
            "vmm", "cpuVendor", "cpuBrand", "maxLeaf", "provider", "instruction", "instructionEncoding", "hypervisorPresent", "hypervisorSignature",
            "hypervisorMaxLeaf", "furtherSignatures", "vmxReported", "svmReported", "presence", "presenceRax", "presenceFault", "notes", "error", "rules",
            "hypervisors", "channels", "cpus", "next",
        ];
        string[] ofHypervisor = ["name", "kind", "evidence", "source", "conventions", "ways"];
        string[] ofChannel = ["name", "instruction", "encoding", "chosen", "usable", "state", "needs", "text", "call", "rax", "fault"];
        string[] ofCpu = ["cpu", "state", "text", "rax", "fault"];
        foreach (string personality in (string[])["bitvisor", "kvm", "deaf", "none"])
        {
            CliRun asked = await CliRun.OfAsync($"detect --fake {personality} --json");
            Assert.Equal(names, asked.Json.EnumerateObject().Select(property => property.Name));
            CliRun run = await CliRun.OfAsync($"detect --fake {personality} --json --try --each-cpu");
            Assert.Equal(names, run.Json.EnumerateObject().Select(property => property.Name));
            Assert.All(Items(run, "hypervisors"), item => Assert.Equal(ofHypervisor, item.EnumerateObject().Select(property => property.Name)));
            Assert.All(Items(run, "channels"), item => Assert.Equal(ofChannel, item.EnumerateObject().Select(property => property.Name)));
            Assert.All(Items(run, "cpus"), item => Assert.Equal(ofCpu, item.EnumerateObject().Select(property => property.Name)));
        }
    }

    [Theory]
    [InlineData("bitvisor", "none")]
    [InlineData("bitvisor-as-seen", "none")]
    [InlineData("kvm", "KVMKVMKVM")]
    [InlineData("kvm-hyperv", "Microsoft Hv, KVMKVMKVM at 0x40000100")]
    [InlineData("xen", "XenVMMXenVMM")]
    [InlineData("xen-pv", "none")]
    [InlineData("hyperv", "Microsoft Hv")]
    [InlineData("vmware", "VMwareVMware")]
    [InlineData("acrn", "ACRNACRNACRN")]
    [InlineData("nyx", "KVMKVMKVM")]
    [InlineData("deaf", "none")]
    [InlineData("none", "none")]
    public async Task It_shows_what_each_VMM_calls_itself(string personality, string signatures) =>
        Assert.Equal(signatures, (await CliRun.OfAsync($"detect --fake {personality}")).Fact("Hypervisor signature"));

    [Fact]
    public async Task It_lists_the_rules_of_a_fake_with_their_sources()
    {
        CliRun run = await CliRun.OfAsync("detect --fake kvm");
        Assert.Contains("A number that it does not serve gives RAX = -1000 to the guest's kernel.", run.Out, StringComparison.Ordinal);
        Assert.Contains("Linux, arch/x86/kvm/x86.c, kvm_emulate_hypercall", run.Out, StringComparison.Ordinal);

        JsonElement rules = (await CliRun.OfAsync("detect --fake kvm --json")).Json.GetProperty("rules");
        Assert.Equal(FakeVmmPersonality.Kvm.Rules.Select(rule => rule.Text), rules.EnumerateArray().Select(rule => rule.GetProperty("rule").GetString()));
        Assert.Equal(FakeVmmPersonality.Kvm.Rules.Select(rule => rule.Source), rules.EnumerateArray().Select(rule => rule.GetProperty("source").GetString()));
        Assert.Equal(JsonValueKind.Null, (await CliRun.OfAsync("detect --json", Machines.Fake(Machines.Amd))).Json.GetProperty("rules").ValueKind);
    }

    [Fact]
    public async Task It_reports_what_CPUID_says()
    {
        CpuIdentity cpu = Machines.Amd with
        {
            HypervisorPresent = true,
            HypervisorSignature = "KVMKVMKVM",
            HypervisorMaxLeaf = 0x4000_0001,
            VmxReported = true,
            SvmReported = false,
        };
        JsonElement json = (await CliRun.OfAsync("detect --json", Machines.Fake(cpu))).Json;

        Assert.Equal("AuthenticAMD", json.GetProperty("cpuVendor").GetString());
        Assert.Equal("A CPU of a test", json.GetProperty("cpuBrand").GetString());
        Assert.Equal(0x10, json.GetProperty("maxLeaf").GetInt32());
        Assert.True(json.GetProperty("hypervisorPresent").GetBoolean());
        Assert.Equal("KVMKVMKVM", json.GetProperty("hypervisorSignature").GetString());
        Assert.Equal(0x4000_0001u, json.GetProperty("hypervisorMaxLeaf").GetUInt32());
        Assert.True(json.GetProperty("vmxReported").GetBoolean());
        Assert.False(json.GetProperty("svmReported").GetBoolean());
    }

    [Fact]
    public async Task A_signature_without_the_hypervisor_bit_is_said_to_be_one()
    {
        CpuIdentity cpu = Machines.Amd with { HypervisorPresent = false, HypervisorSignature = "TCGTCGTCGTCG" };
        CliRun run = await CliRun.OfAsync("detect", Machines.Fake(cpu));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal("clear", run.Fact("Hypervisor bit"));
        Assert.Equal("TCGTCGTCGTCG", run.Fact("Hypervisor signature"));
        Assert.Contains("although the hypervisor bit", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_no_provider_serves_the_CPU_it_says_what_it_can_and_exits_5()
    {
        CliRun run = await CliRun.OfAsync("detect --json", Machines.Without(Machines.Unknown, ExitCodesTests.NoProvider(Machines.Unknown)));

        Assert.Equal(ExitCode.Unsupported, run.ExitCode);
        Assert.Equal("Unheard Of!!", run.Json.GetProperty("cpuVendor").GetString());
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("instruction").ValueKind);
        Assert.Equal("unknown", run.Json.GetProperty("presence").GetString());
        Assert.Equal("noProvider", run.Json.GetProperty("error").GetProperty("kind").GetString());
    }

    [Fact]
    public async Task Where_no_provider_serves_the_CPU_it_explains_that_to_people()
    {
        CliRun run = await CliRun.OfAsync("detect", Machines.Without(Machines.Unknown, ExitCodesTests.NoProvider(Machines.Unknown)));

        Assert.Equal("none", run.Fact("Instruction"));
        Assert.Contains("There is no provider to call a VMM with", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_memory_is_refused_it_still_names_the_instruction()
    {
        CliRun run = await CliRun.OfAsync(
            "detect --try --json",
            Machines.Refusing(new GuestMemoryRefusal(GuestMemoryRefusalReason.LockLimit, "The limit is 64 KiB.")));

        Assert.Equal(ExitCode.MemoryRefused, run.ExitCode);
        Assert.NotNull(run.Json.GetProperty("instruction").GetString());
        Assert.Equal("lockLimit", run.Json.GetProperty("error").GetProperty("reason").GetString());
    }

    [Fact]
    public async Task It_calls_no_function()
    {
        bool called = false;
        FakeMachine fake = new FakeMachine().On("boot", _ => called = true).On("loadcfg", _ => called = true);
        CliRun run = await CliRun.OfAsync("detect --try", Machines.Use(fake));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(8, fake.Calls); // 'boot' and an impossible name are looked up, twice: for the presence, and for the way
        Assert.False(called);
    }

    [Fact]
    public async Task A_brand_string_cannot_drive_the_reader_s_terminal()
    {
        CliRun run = await CliRun.OfAsync("detect", Machines.Fake(Machines.Amd with { Brand = "\u001b[2Jgone\nCPU vendor: Mine" }));

        Assert.DoesNotContain('\u001b', run.Out);
        Assert.Equal(@"\u001b[2Jgone\u000aCPU vendor: Mine", run.Fact("CPU brand"));
        Assert.Equal("AuthenticAMD", run.Fact("CPU vendor"));
    }

    private static JsonElement.ArrayEnumerator Items(CliRun run, string name) => run.Json.GetProperty(name).EnumerateArray();
}
