using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Testing.Tests;

/// <summary>Which ways down a fake machine has, and on which of its CPUs the VMM is.</summary>
public sealed class FakeWaysTests
{
    private const FakeWays Every =
        FakeWays.Instruction | FakeWays.Port | FakeWays.Kernel | FakeWays.Cpuid | FakeWays.PortOut;

    [Fact]
    public void A_machine_has_the_vendors_instructions_unless_it_is_told_otherwise()
    {
        Assert.Equal(["Intel", "AMD"], Names(new FakeMachine()));
        Assert.Equal(
            ["Intel", "AMD", "port", "port-out", "cpuid", "kernel"],
            Names(new FakeMachine(new FakeMachineOptions { Ways = Every })));
        Assert.Equal(["port"], Names(new FakeMachine(new FakeMachineOptions { Ways = FakeWays.Port })));
    }

    [Fact]
    public void The_CPU_s_instruction_is_taken_before_ways_that_any_CPU_has() => Assert.All(FakeVmmPersonality.All, personality =>
    {
        FakeMachine fake = new(new FakeMachineOptions { Personality = personality, Ways = Every, IsRoot = true });
        Assert.Equal(fake.Cpu.Vendor == "AuthenticAMD" ? "AMD" : "Intel", fake.Target.ProviderName);
    });

    [Fact]
    public void Without_a_way_nothing_can_be_called()
    {
        FakeMachine fake = new(new FakeMachineOptions { Ways = FakeWays.None });
        Assert.Equal(0, Assert.Throws<HypercallProviderException>(() => fake.Target).Matches);
        Assert.Throws<HypercallProviderException>(() => fake.Channel);
        Assert.Empty(fake.Providers);
    }

    [Fact]
    public void A_port_is_the_way_of_a_machine_that_has_no_other()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Personality = FakeVmmPersonality.Vmware, Ways = FakeWays.Port })
            .On(HypercallConvention.VmwarePort, 10, call => call.Rax = 6);
        HypercallFunction version = new(fake, HypercallConvention.VmwarePort, 10);
        CpuFault fault = Assert.Throws<HypercallFaultException>(() => version.Call()).Fault;
        Assert.Equal((CpuFaultKind.GeneralProtection, "port"), (fault.Kind, fault.Target?.ProviderName));
        fake.HasPortPermission = true;
        Assert.Equal(6u, version.Call().Value);
    }

    [Fact]
    public void A_way_for_root_is_there_for_root_alone()
    {
        FakeMachineOptions options = new() { Personality = FakeVmmPersonality.Kvm, Ways = FakeWays.Kernel };
        FakeMachine nobodys = new(options);
        HypercallProbe probe = Assert.Single(nobodys.Providers).Probe(nobodys.Cpuid);
        Assert.Equal((false, "root"), (probe.IsUsable, probe.Needs));
        Assert.Throws<HypercallProviderException>(() => nobodys.Target);

        FakeMachine roots = new FakeMachine(options with { IsRoot = true }).On(HypercallConvention.Kvm, 1, call => call.Rax = call.Cpl == 0 ? 0ul : 1);
        Assert.Equal(("kernel", null), (roots.Target.ProviderName, roots.Target.Instruction));
        Assert.Equal(0u, new HypercallFunction(roots, HypercallConvention.Kvm, 1).Call().Value);
    }

    [Fact]
    public void Each_way_opens_a_channel()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Personality = FakeVmmPersonality.Kvm, Ways = Every, IsRoot = true });
        Dictionary<string, ulong> answers = fake.Providers.ToDictionary(way => way.Name, way =>
        {
            HypercallRegisters registers = new() { Rax = 99 };
            HypercallStatus status = way.Open(new HypercallTarget(fake.Cpu, way), NullLoggerFactory.Instance).TryInvoke(ref registers);
            return status.IsCompleted ? registers.Rax : (ulong)status.Fault.Kind;
        });
        Assert.Equal((ulong)CpuFaultKind.GeneralProtection, answers["Intel"]); // KVM on AMD
        Assert.Equal(unchecked((ulong)-1L), answers["AMD"]);
        Assert.Equal((ulong)CpuFaultKind.GeneralProtection, answers["port"]);
        Assert.Equal((ulong)CpuFaultKind.GeneralProtection, answers["port-out"]);
        Assert.Equal(0u, answers["cpuid"]); // a leaf that this CPU has not
        Assert.Equal(unchecked((ulong)-1000L), answers["kernel"]);
    }

    [Fact]
    public void A_program_names_a_way()
    {
        FakeMachine fake = new(new FakeMachineOptions { Personality = FakeVmmPersonality.Kvm, Ways = Every, IsRoot = true });
        ServiceCollection services = new();
        services.AddHypercall(vmm => vmm.AddFakeMachine(fake).Configure(options => options.Provider = "KERNEL"));
        using ServiceProvider provider = services.BuildServiceProvider();
        IHypercallMachine machine = provider.GetRequiredService<IHypercallMachine>();
        Assert.Equal("kernel", machine.Target.ProviderName);
        Assert.Equal(-1000, unchecked((long)new HypercallFunction(machine, HypercallConvention.Kvm, 99).Call().Rax));
        Assert.Equal(-1000, unchecked((long)new HypercallFunction(machine.OnCpu(1), HypercallConvention.Kvm, 99).Call().Rax));
        Assert.Same(fake.Signs, machine.Signs);
        Assert.Same(fake.Providers, machine.Providers);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void A_VMM_on_some_CPUs_is_UD_on_the_others(int cpu, bool isThere)
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Cpus = 3, VmmCpus = [0, 2], HasPortPermission = true, Ways = Every })
            .On(HypercallConvention.Kvm, 7, call => call.Rax = 70);
        HypercallStatus status = new HypercallFunction(fake.OnCpu(cpu), HypercallConvention.Kvm, 7).TryCall(out HypercallResult result);
        Assert.Equal(isThere, status.IsCompleted);
        Assert.Equal(isThere ? CpuFaultKind.None : CpuFaultKind.InvalidOpcode, status.Fault.Kind);
        Assert.Equal(isThere ? 70u : 0u, isThere ? result.Value : 0);
        Assert.Equal(isThere ? 1 : 0, fake.Calls);
    }

    [Fact]
    public void Functions_that_come_later_are_served_where_the_VMM_is_and_nowhere_else()
    {
        FakeMachine fake = new(new FakeMachineOptions { Cpus = 2, VmmCpus = [1] });
        IHypercallChannel there = fake.OnCpu(1).Channel;
        IHypercallChannel elsewhere = fake.OnCpu(0).Channel;
        HypercallRegisters registers = new() { Rax = 7 };
        Assert.False(elsewhere.TryInvoke(ref registers).IsCompleted);
        fake.On(HypercallConvention.Kvm, 7, call => call.Rax = 70);
        fake.Personality = FakeVmmPersonality.BitVisorAsSeen;
        Assert.True(there.TryInvoke(ref registers).IsCompleted);
        Assert.Equal(70u, registers.Rax);
        Assert.Equal(CpuFaultKind.InvalidOpcode, elsewhere.TryInvoke(ref registers).Fault.Kind);
    }

    [Fact]
    public void A_port_is_served_by_nobody_on_a_CPU_without_the_VMM()
    {
        FakeMachine fake = new FakeMachine(new FakeMachineOptions
        {
            Personality = FakeVmmPersonality.Vmware,
            Cpus = 2,
            VmmCpus = [0],
            HasPortPermission = true,
            Ways = FakeWays.Port,
        }).On(HypercallConvention.VmwarePort, 10, call => call.Rax = 6);
        Assert.Equal(6u, new HypercallFunction(fake.OnCpu(0), HypercallConvention.VmwarePort, 10).Call().Rax);
        Assert.Equal(0xFFFF_FFFF, new HypercallFunction(fake.OnCpu(1), HypercallConvention.VmwarePort, 10).Call().Rax);
    }

    [Fact]
    public void A_call_that_is_bound_to_no_CPU_is_made_on_the_first()
    {
        HypercallRegisters registers = new() { Rax = 1 };
        Assert.Equal(CpuFaultKind.InvalidOpcode, new FakeMachine(new FakeMachineOptions { VmmCpus = [1] }).Channel.TryInvoke(ref registers).Fault.Kind);
        Assert.Equal(CpuFaultKind.InvalidOpcode, new FakeMachine(new FakeMachineOptions { VmmCpus = [1] }).OpenKernelChannel().TryInvoke(ref registers).Fault.Kind);
        Assert.True(new FakeMachine(new FakeMachineOptions { VmmCpus = [0] }).Channel.TryInvoke(ref registers).IsCompleted);
    }

    [Fact]
    public void A_CPU_that_is_not_there_is_refused()
    {
        FakeMachine fake = new(new FakeMachineOptions { Cpus = 3 });
        HypercallRefusedException refused = Assert.Throws<HypercallRefusedException>(() => fake.OnCpu(3));
        Assert.Contains("CPU 3 refused the call: the fake guest has the CPUs 0 to 2", refused.Message, StringComparison.Ordinal);
        Assert.Throws<HypercallRefusedException>(() => fake.OnCpu(2).OnCpu(3));
        Assert.Throws<ArgumentOutOfRangeException>("cpu", () => fake.OnCpu(-1));
    }

    [Fact]
    public void A_machine_on_a_CPU_is_the_same_machine()
    {
        FakeMachine fake = new(FakeVmmPersonality.Kvm);
        IHypercallMachine one = fake.OnCpu(1);
        Assert.Same(fake.Memory, one.Memory);
        Assert.Same(fake.Cpuid, one.Cpuid);
        Assert.Equal(fake.Target, one.Target);
    }

    [Fact]
    public void Signs_are_the_options_and_the_personality_s()
    {
        IHypervisorSigns signs = new FakeMachine(new FakeMachineOptions
        {
            Personality = FakeVmmPersonality.XenPv,
            Cpus = 4,
            Files = new Dictionary<string, string> { ["/proc/version"] = "Linux", ["/dev/sev-guest"] = "" },
        }).Signs;
        Assert.Equal(("Linux", "xen\n", "Cpus_allowed_list:\t0-3\n"), (signs.TryReadFile("/proc/version"), signs.TryReadFile("/sys/hypervisor/type"), signs.TryReadFile("/proc/self/status")));
        Assert.Equal((true, true, false), (signs.FileExists("/dev/sev-guest"), signs.FileExists("/sys/hypervisor/type"), signs.FileExists("/nothing")));
        Assert.Null(signs.TryReadFile("/nothing"));
        Assert.Null(new FakeMachine(FakeVmmPersonality.Xen).Signs.TryGetForcedCpuid());
        Assert.Equal("Cpus_allowed_list:\t0\n", new FakeMachine(new FakeMachineOptions { Cpus = 1 }).Signs.TryReadFile("/proc/self/status"));
    }

    [Fact]
    public void Files_of_the_options_hide_those_of_the_personality() => Assert.Equal(
        "other",
        new FakeMachine(new FakeMachineOptions
        {
            Personality = FakeVmmPersonality.XenPv,
            Files = new Dictionary<string, string> { ["/sys/hypervisor/type"] = "other" },
        }).Signs.TryReadFile("/sys/hypervisor/type"));

    private static IEnumerable<string> Names(FakeMachine fake) => fake.Providers.Select(way => way.Name);
}
