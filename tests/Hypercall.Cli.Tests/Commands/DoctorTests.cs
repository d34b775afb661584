using System.Text.Json;
using Hypercall.Cli.Machines;
using Hypercall.Native;
using Hypercall.Testing;
using NSubstitute;

namespace Hypercall.Cli.Tests.Commands;

/// <summary>Who is under the guest, and which ways lead there, as <c>detect</c> tells it.</summary>
public class DoctorTests
{
    private const FakeWays Every =
        FakeWays.Instruction | FakeWays.Port | FakeWays.PortOut | FakeWays.Cpuid | FakeWays.Kernel;

    [Theory]
    [InlineData("bitvisor", "")]
    [InlineData("bitvisor-as-seen", "")]
    [InlineData("kvm", "KVM saysItself")]
    [InlineData("kvm-hyperv", "Hyper-V saysItself, KVM saysItself")]
    [InlineData("xen", "Xen saysItself")]
    [InlineData("xen-pv", "Xen saysItself, Xen saysItself")]
    [InlineData("hyperv", "Hyper-V saysItself")]
    [InlineData("vmware", "VMware saysItself")]
    [InlineData("acrn", "ACRN saysItself")]
    [InlineData("nyx", "KVM saysItself, Nyx saysItself")]
    [InlineData("deaf", "a VMM without a name saysItself")]
    [InlineData("none", "")]
    public async Task It_names_who_shows_itself_and_nobody_else(string personality, string found)
    {
        CliRun run = await CliRun.OfAsync($"detect --fake {personality} --json");
        Assert.Equal(found, string.Join(", ", Items(run, "hypervisors").Select(one => $"{Text(one, "name")} {Text(one, "kind")}")));
        Assert.All(Items(run, "hypervisors"), one => Assert.NotEmpty(Text(one, "evidence")!));
        Assert.All(Items(run, "hypervisors"), one => Assert.NotEmpty(Text(one, "source")!));
    }

    [Fact]
    public async Task Where_nobody_shows_itself_it_does_not_say_that_nobody_is_there() => Assert.Contains(
        "No hypervisor shows itself. One may be there all the same",
        (await CliRun.OfAsync("detect --fake none")).Out,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("bitvisor", "works")]
    [InlineData("kvm", "refused")]
    [InlineData("deaf", "silent")]
    [InlineData("none", "faulted")]
    public async Task A_try_says_what_the_chosen_way_is_worth(string personality, string state)
    {
        CliRun run = await CliRun.OfAsync($"detect --try --fake {personality} --json");
        JsonElement amd = Channel(run, "AMD");
        Assert.Equal((true, true, state), (amd.GetProperty("chosen").GetBoolean(), amd.GetProperty("usable").GetBoolean(), Text(amd, "state")));
        Assert.Equal(state == "faulted", amd.GetProperty("fault").ValueKind == JsonValueKind.Object);
        Assert.Equal(state == "faulted", amd.GetProperty("rax").ValueKind == JsonValueKind.Null);
    }

    [Fact]
    public async Task No_way_is_tried_unless_it_is_asked()
    {
        CliRun run = await CliRun.OfAsync("detect --fake kvm --json");
        Assert.Equal("notHere", Text(Channel(run, "Intel"), "state"));
        Assert.All(["AMD", "port", "port-out", "cpuid"], way => Assert.Equal("notTried", Text(Channel(run, way), "state")));
        Assert.Equal(("needs", "root"), (Text(Channel(run, "kernel"), "state"), Text(Channel(run, "kernel"), "needs")));
        Assert.Equal("hypercall detect --try --fake kvm", Text(run.Json, "next"));
    }

    [Fact]
    public async Task Nothing_is_called_unless_it_is_asked()
    {
        FakeMachine fake = new(new FakeMachineOptions
        {
            Personality = FakeVmmPersonality.Vmware,
            Ways = Every,
            IsRoot = true,
            HasPortPermission = true,
            Record = true,
        });
        _ = await CliRun.OfAsync("detect", Machines.Use(fake));
        Assert.Empty(fake.Trace.Lines);
        _ = await CliRun.OfAsync("detect --try", Machines.Use(fake));
        Assert.Equal(3, fake.Calls); // by the instruction, the port and the kernel; the look-up without VMware's number faults
    }

    [Theory]
    [InlineData("kvm", "refused", "KVM 1 (KVM_HC_VAPIC_POLL_IRQ, which does nothing)")]
    [InlineData("xen", "refused", "Xen 17 (xen_version, command 0)")]
    [InlineData("vmware", "works", "VMware 10 (GETVERSION)")]
    [InlineData("hyperv", "faulted", "Hyper-V 8 (HvCallNotifyLongSpinWait, fast)")]
    [InlineData("nyx", "refused", "KVM 1 (KVM_HC_VAPIC_POLL_IRQ, which does nothing)")]
    [InlineData("acrn", "faulted", "the look-up of 'boot'")]
    [InlineData("bitvisor", "works", "the look-up of 'boot'")]
    [InlineData("deaf", "silent", "the look-up of 'boot'")]
    public async Task A_try_speaks_to_who_is_there(string personality, string state, string call)
    {
        CliRun run = await CliRun.OfAsync($"detect --fake {personality} --try --json");
        JsonElement chosen = Items(run, "channels").Single(one => one.GetProperty("chosen").GetBoolean());
        Assert.Equal((state, call), (Text(chosen, "state"), Text(chosen, "call")));
        Assert.Equal(ExitCode.Done, run.ExitCode);
    }

    [Fact]
    public async Task A_VMM_that_leaves_RAX_as_it_was_is_not_said_to_have_answered()
    {
        FakeMachine deaf = new(FakeVmmPersonality.Deaf)
        {
            Cpu = Machines.Amd with { HypervisorPresent = true, HypervisorSignature = "KVMKVMKVM" },
        };
        CliRun run = await CliRun.OfAsync("detect --try --json", Machines.Use(deaf));
        Assert.Equal("silent", Text(Channel(run, "AMD"), "state"));
    }

    [Theory]
    [InlineData(false, "needs", "permission for the port")]
    [InlineData(true, "works", null)]
    public async Task A_port_without_permission_needs_it(bool permission, string state, string? needs)
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Personality = FakeVmmPersonality.Vmware, Ways = Every, HasPortPermission = permission })
            .On(HypercallConvention.VmwarePort, 10, call => call.Rax = 6);
        CliRun run = await CliRun.OfAsync("detect --try --json", Machines.Use(fake));
        Assert.Equal((state, needs), (Text(Channel(run, "port"), "state"), Text(Channel(run, "port"), "needs")));
    }

    [Theory]
    [InlineData("port", "Needs", "permission for the port")]
    [InlineData("port,permission", "Faulted", null)]
    public void A_fault_of_a_port_is_for_want_of_permission_only_where_there_was_none(string name, string state, string? needs)
    {
        PortProvider way = new(0x5658, withPermission: needs is null, name: name);
        CpuFault fault = new(CpuFaultKind.GeneralProtection) { Target = new HypercallTarget(Machines.Amd, way) };
        WayTrial trial = WayTrial.NotCompleted("a call", HypercallStatus.Faulted(fault), isPort: true);
        Assert.Equal((state, needs), ($"{trial.State}", trial.Needs));
    }

    [Fact]
    public async Task A_port_that_nobody_serves_gives_no_answer()
    {
        FakeMachine fake = new(new FakeMachineOptions { Ways = Every, HasPortPermission = true });
        CliRun run = await CliRun.OfAsync("detect --try --json", Machines.Use(fake));
        Assert.Equal(("silent", "0xffffffff"), (Text(Channel(run, "port"), "state"), Text(Channel(run, "port"), "rax")));
        Assert.Equal(("silent", "0x0"), (Text(Channel(run, "cpuid"), "state"), Text(Channel(run, "cpuid"), "rax")));
        Assert.Equal("notTried", Text(Channel(run, "port-out"), "state")); // what a write does, only the device knows
    }

    [Fact]
    public async Task The_command_for_a_port_that_answers_shows_its_answer()
    {
        FakeMachineOptions options = new()
        {
            Ways = FakeWays.Port | FakeWays.Kernel,
            HasPortPermission = true,
            Personality = FakeVmmPersonality.Vmware,
        };
        FakeMachine fake = new FakeMachine(options)
            .On(HypercallConvention.VmwarePort, 10, call => (call.Rax, call.Rbx) = (6, 0x564D5868));
        string next = Text((await CliRun.OfAsync("detect --try --json", Machines.Use(fake))).Json, "next")!;
        Assert.Equal("hypercall call --convention vmware-port --number 10", next); // it is the chosen way
        CliRun run = await CliRun.OfAsync(next["hypercall ".Length..] + " --json", Machines.Use(fake));
        Assert.Equal("0x564d5868", Text(run.Json.GetProperty("registers"), "rbx"));
    }

    [Fact]
    public async Task A_way_for_root_appears_for_root()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Personality = FakeVmmPersonality.Kvm, Ways = Every, IsRoot = true })
            .On(HypercallConvention.Kvm, 1, call => call.Rax = 0);
        CliRun run = await CliRun.OfAsync("detect --try --json", Machines.Use(fake));
        Assert.Equal("works", Text(Channel(run, "kernel"), "state"));
        Assert.Equal(JsonValueKind.Null, Channel(run, "kernel").GetProperty("instruction").ValueKind);
        Assert.Equal("hypercall call --convention kvm --number 1 --channel kernel", Text(run.Json, "next"));
    }

    [Fact]
    public async Task A_machine_without_any_way_says_so_and_exits_5()
    {
        CliRun run = await CliRun.OfAsync("detect --json", Machines.Use(new FakeMachine(new FakeMachineOptions { Ways = FakeWays.None })));
        Assert.Equal(ExitCode.Unsupported, run.ExitCode);
        Assert.Empty(Items(run, "channels"));
        Assert.Equal("noProvider", Text(run.Json.GetProperty("error"), "kind"));
        Assert.Equal("hypercall demo", Text(run.Json, "next"));
    }

    [Fact]
    public async Task A_VMM_on_some_CPUs_is_found_on_those()
    {
        FakeMachine fake = new(new FakeMachineOptions { Cpus = 3, VmmCpus = [0, 2] });
        CliRun run = await CliRun.OfAsync("detect --try --each-cpu --json", Machines.Use(fake));
        Assert.Equal(
            ["0 works", "1 faulted", "2 works"],
            Items(run, "cpus").Select(one => $"{one.GetProperty("cpu").GetInt32()} {Text(one, "state")}"));
        Assert.Equal(ExitCode.Done, run.ExitCode);
    }

    [Fact]
    public async Task CPUs_are_not_asked_without_a_try() =>
        Assert.Equal(ExitCode.Usage, (await CliRun.OfAsync("detect --each-cpu --fake kvm")).ExitCode);

    [Fact]
    public async Task CPUs_that_cannot_be_asked_are_an_error_that_leaves_the_rest()
    {
        FakeMachine fake = new();
        IHypercallMachine machine = Substitute.For<IHypercallMachine>();
        machine.Cpuid.Returns(fake.Cpuid);
        machine.Signs.Returns(fake.Signs);
        machine.Target.Returns(fake.Target);
        machine.Providers.Returns(fake.Providers);
        machine.Channel.Returns(fake.Channel);
        machine.Memory.Returns(fake.Memory);
        machine.OnCpu(Arg.Any<int>()).Returns<IHypercallMachine>(_ => throw new NotSupportedException("It does not."));
        CliRun run = await CliRun.OfAsync("detect --try --each-cpu --json", Machines.Use(machine));

        Assert.Equal(ExitCode.Unsupported, run.ExitCode);
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("cpus").ValueKind);
        Assert.Equal("present", Text(run.Json, "presence"));
        Assert.NotEmpty(Items(run, "channels"));
    }

    [Fact]
    public async Task People_see_all_of_it()
    {
        CliRun run = await CliRun.OfAsync("detect --fake vmware --try --each-cpu");
        Assert.Equal(
            ["VMware", "its own word", "CPUID leaf 0x40000000 says 'VMwareVMware'; leaf 0x40000010 says that it serves VMMCALL", "Linux, arch/x86/kernel/cpu/vmware.c"],
            run.Row("VMware"));
        Assert.Equal(["AMD (chosen)", "VMMCALL", "works"], run.Row("AMD (chosen)")[..3]);
        Assert.Equal("not here", run.Row("Intel")[2]);
        Assert.Equal("needs permission for the port", run.Row("port")[2]);
        Assert.Equal(["kernel", "none: a device", "needs root"], run.Row("kernel")[..3]);
        Assert.Equal("works", run.Row("1")[1]);
        Assert.Equal("hypercall call --convention vmware --number 10 --fake vmware", run.Fact("Next"));
    }

    [Fact]
    public async Task The_command_that_comes_next_can_be_run()
    {
        foreach (string personality in (string[])["bitvisor", "kvm", "kvm-hyperv", "xen", "xen-pv", "hyperv", "vmware", "acrn", "nyx", "deaf", "none"])
        {
            string commandLine = $"detect --fake {personality}";
            for (int step = 0; step < 2; step++)
            {
                string next = Text((await CliRun.OfAsync($"{commandLine} --json")).Json, "next")!;
                Assert.StartsWith("hypercall ", next, StringComparison.Ordinal);
                commandLine = next["hypercall ".Length..];
                CliRun run = await CliRun.OfAsync(commandLine);
                Assert.True(run.ExitCode is ExitCode.Done or ExitCode.ForeignVmm or ExitCode.Faulted or ExitCode.Refused, $"{next}: {run.ExitCode}");
                if (!commandLine.StartsWith("detect", StringComparison.Ordinal))
                {
                    break;
                }
            }
        }
    }

    [Fact]
    public async Task A_channel_is_chosen_by_its_name()
    {
        CliRun port = await CliRun.OfAsync("call --convention vmware-port --number 10 --channel PORT --fake vmware --json");
        Assert.Equal((ExitCode.Faulted, "#GP"), (port.ExitCode, Text(port.Json.GetProperty("error").GetProperty("fault"), "fault")));

        CliRun leaf = await CliRun.OfAsync("raw --rax 0x40000000 --channel cpuid --fake kvm --json");
        Assert.Equal("0x4b4d564b", Text(leaf.Json.GetProperty("after"), "rbx")); // KVMK

        CliRun kernel = await CliRun.OfAsync("call --convention kvm --number 99 --channel kernel --fake kvm --json");
        Assert.Equal("0xfffffffffffffc18", Text(kernel.Json.GetProperty("convention"), "result")); // -1000, which KVM answers to a kernel

        CliRun detect = await CliRun.OfAsync("detect --channel port --fake bitvisor --json");
        Assert.Equal(("port", "notAsked"), (Text(detect.Json, "provider"), Text(detect.Json, "presence")));
        CliRun tried = await CliRun.OfAsync("detect --try --channel port --fake bitvisor --json");
        Assert.Equal("unknown", Text(tried.Json, "presence")); // a port finds no names
        Assert.True(Channel(detect, "port").GetProperty("chosen").GetBoolean());
    }

    private static JsonElement Channel(CliRun run, string name) => Items(run, "channels").Single(one => Text(one, "name") == name);

    private static JsonElement.ArrayEnumerator Items(CliRun run, string name) => run.Json.GetProperty(name).EnumerateArray();

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
