using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Hypercall.Testing.Tests;

/// <summary>A program that registered ways by CPUID, IN or OUT runs on the fake unchanged.</summary>
public sealed class ProgramsWaysTests
{
    private static readonly HypercallInstruction Cpuid = new("CPUID", [0x0F, 0xA2]);
    private static readonly HypercallInstruction In = new("IN EAX, DX", [0xED]);
    private static readonly HypercallInstruction Out = new("OUT DX, EAX", [0xEF]);
    private static readonly HypercallInstruction Vmcall = new("VMCALL", [0x0F, 0x01, 0xC1]);
    private static readonly RegisterField Dx = new(GeneralRegister.Rdx, 0, 16);

    // A convention that leaves the port to its channel, and the same as the VMM knows it.
    private static readonly HypercallConvention Ports = new("mine", GeneralRegister.Rax, [GeneralRegister.Rbx]);
    private static readonly HypercallConvention AtPort = new(
        "mine, at its port", GeneralRegister.Rax, [GeneralRegister.Rbx], constants: [new(Dx, 0x4711)]);

    private static readonly HypercallConvention Leaf = new(
        "mine, by leaf",
        new RegisterField(GeneralRegister.Rax, 16, 16),
        [GeneralRegister.Rbx],
        constants: [new(new RegisterField(GeneralRegister.Rax, 0, 16), 0x4711)]);

    [Fact]
    public void The_only_way_of_a_program_is_its_way_on_the_fake()
    {
        using ServiceProvider services = Run(null, [new Way("cpuid", Cpuid)]);
        IHypercallMachine machine = services.GetRequiredService<IHypercallMachine>();
        Assert.Equal(("cpuid", Cpuid), (machine.Target.ProviderName, machine.Target.Instruction));
        Assert.Equal(6u, new HypercallFunction(machine, Leaf, 1).Call(5).Value);
        Assert.Equal(6u, new HypercallFunction(machine.OnCpu(1), Leaf, 1).Call(5).Value);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_port_puts_its_number_into_DX(bool isIn)
    {
        using ServiceProvider services = Run(null, [new Way("port", isIn ? In : Out, 0x4711)]);
        services.GetRequiredService<FakeMachine>().HasPortPermission = true;
        HypercallFunction function = new(services.GetRequiredService<IHypercallMachine>(), Ports, 1);
        HypercallResult result = function.Call(5);
        Assert.Equal((10u, 0x4711u), (result.Value, result.Rdx));

        HypercallRegisters kept = new() { Rax = 2, Rdx = 0xABCD_0000 }; // a number that nobody serves
        services.GetRequiredService<IHypercallChannel>().Invoke(ref kept);
        Assert.Equal(new HypercallRegisters { Rax = isIn ? uint.MaxValue : 2u, Rdx = 0xABCD_4711 }, kept);
    }

    [Fact]
    public void Without_permission_the_fault_has_the_programs_advice_and_the_frame_is_as_it_was()
    {
        using ServiceProvider services = Run(null, [new Way("port", Out, 0x4711)]);
        HypercallRegisters registers = new() { Rax = 1, Rdx = 7 };
        HypercallStatus status = services.GetRequiredService<IHypercallChannel>().TryInvoke(ref registers);
        Assert.Equal(new HypercallRegisters { Rax = 1, Rdx = 7 }, registers);
        Assert.Contains("Advice of port.", status.ToException().Message, StringComparison.Ordinal);
        Assert.Equal(CpuFaultKind.GeneralProtection, status.Fault.Kind);
    }

    [Fact]
    public void A_convention_that_the_port_does_not_carry_is_refused()
    {
        using ServiceProvider services = Run(null, [new Way("port", In, 0x4711)]);
        IHypercallMachine machine = services.GetRequiredService<IHypercallMachine>();
        ArgumentException e = Assert.Throws<ArgumentException>(
            () => new HypercallFunction(machine, HypercallConvention.VmwarePort, 10));
        Assert.Contains("RDX", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("OTHER", "OUT DX, EAX")]
    [InlineData("cpuid", "CPUID")]
    [InlineData("port", "IN EAX, DX")]
    [InlineData("Intel", "VMCALL")]
    [InlineData("kernel", "kernel")]
    [InlineData("device", "VMMCALL")] // one that the fake cannot play: the fake itself stands for it
    public void A_way_that_is_named_is_taken(string name, string way)
    {
        using ServiceProvider services = Run(
            name,
            [
                new Way("cpuid", Cpuid), new Way("other", Out, 1), new Way("port", In, 2),
                new Way("device", null), new Way("Intel", Vmcall), new Way("kernel", null),
            ]);
        Assert.Equal(way, services.GetRequiredService<IHypercallMachine>().Target.Way, ignoreCase: true);
    }

    [Fact]
    public void All_ways_are_listed_and_those_of_the_program_hide_others_of_their_names()
    {
        using ServiceProvider services = Run("port", [new Way("port", Out, 0x4711), new Way("cpuid", Cpuid)]);
        IHypercallMachine machine = services.GetRequiredService<IHypercallMachine>();
        Assert.Equal(["Intel", "AMD", "kernel", "port", "cpuid"], machine.Providers.Select(one => one.Name));
        Assert.Equal(Out, machine.Target.Instruction);
        Assert.True(machine.Providers[^1].Probe(machine.Cpuid).IsUsable);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Two_ways_and_none_named_is_the_error_of_the_real_machine(bool isVendors)
    {
        Way second = isVendors ? new Way("Intel", Vmcall) : new Way("port", In, 1);
        using ServiceProvider services = Run(null, [new Way("cpuid", Cpuid), second]);
        IHypercallMachine machine = services.GetRequiredService<IHypercallMachine>();
        Assert.Equal(2, Assert.Throws<HypercallProviderException>(() => machine.Target).Matches);
    }

    private static ServiceProvider Run(string? name, IHypercallProvider[] ways)
    {
        ServiceCollection services = new();
        foreach (IHypercallProvider way in ways)
        {
            services.AddSingleton(way);
        }

        FakeWays has = FakeWays.Instruction | FakeWays.Port | FakeWays.Kernel;
        FakeMachine fake = new FakeMachine(new FakeMachineOptions { Ways = has, IsRoot = true })
            .On(Leaf, 1, call => call.Result = call.Argument(0) + 1)
            .On(AtPort, 1, call => call.Result = call.Argument(0) * 2);
        return services.AddHypercall(vmm => vmm.AddFakeMachine(fake).Configure(options => options.Provider = name))
            .BuildServiceProvider();
    }

    /// <summary>As AddCpuid() and AddPort() register it. It must not be opened: that would be the real machine's.</summary>
    private sealed class Way(string name, HypercallInstruction? instruction, ulong? port = null) : IHypercallProvider
    {
        public string Name => name;

        public HypercallInstruction? Instruction => instruction;

        public IReadOnlyList<KeyValuePair<RegisterField, ulong>> Constants => port is { } number ? [new(Dx, number)] : [];

        public HypercallProbe Probe(ICpuid cpuid) => HypercallProbe.Unusable("this is not the real machine", "Ask the fake.");

        public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers) =>
            throw new InvalidOperationException("The real machine was asked for.");

        public string? Advise(in CpuFault fault) => $"Advice of {name}.";
    }
}
