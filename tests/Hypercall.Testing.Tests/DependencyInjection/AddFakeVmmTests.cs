using Hypercall.BitVisor;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Testing.Tests;

public sealed class AddFakeVmmTests
{
    [Fact]
    public void An_application_calls_the_fake_in_its_tests()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeVmm(fake => fake.On("foo", call => call.Rax = 10)))
            .BuildServiceProvider();

        Assert.Equal(10ul, services.GetRequiredService<Vmm>().GetFunction("foo").Call().Rax);
        Assert.Equal(2, services.GetRequiredService<FakeVmm>().Calls);
    }

    [Fact]
    public void The_fake_wins_over_a_machine_that_was_added_before() => RunsOnTheFake(vmm => Real(vmm).AddFakeVmm());

    [Fact]
    public void The_fake_wins_over_a_machine_that_is_added_after() => RunsOnTheFake(vmm => Real(vmm.AddFakeVmm()));

    [Fact]
    public void The_fake_wins_when_it_is_added_by_a_second_registration()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => Real(vmm))
            .AddHypercall(vmm => vmm.AddFakeVmm())
            .BuildServiceProvider();

        Assert.True(services.GetRequiredService<Vmm>().DetectPresence().IsPresent);
    }

    [Fact]
    public void All_services_of_the_machine_are_those_of_the_fake()
    {
        FakeVmm fake = new() { Cpu = new CpuIdentity { Vendor = "GenuineIntel" } };
        using ServiceProvider services = new ServiceCollection().AddHypercall(vmm => vmm.AddFakeVmm(fake)).BuildServiceProvider();

        Assert.Same(fake, services.GetRequiredService<FakeVmm>());
        Assert.Same(fake, services.GetRequiredService<IHypercallMachine>());
        Assert.Same(fake.Memory, services.GetRequiredService<IGuestMemory>());
        Assert.Same(fake.Cpuid, services.GetRequiredService<ICpuid>());
        Assert.Equal(fake.Cpu, services.GetRequiredService<CpuIdentity>());
        Assert.Equal("VMCALL", services.GetRequiredService<HypercallTarget>().Instruction.Mnemonic);
    }

    [Fact]
    public void Each_provider_has_a_fake_of_its_own_and_one_that_is_given_is_shared()
    {
        IServiceCollection made = new ServiceCollection().AddHypercall(vmm => vmm.AddFakeVmm(_ => { }));
        FakeVmm given = new();
        IServiceCollection shared = new ServiceCollection().AddHypercall(vmm => vmm.AddFakeVmm(given));

        using ServiceProvider one = made.BuildServiceProvider(), two = made.BuildServiceProvider(), three = shared.BuildServiceProvider();

        Assert.NotSame(one.GetRequiredService<FakeVmm>(), two.GetRequiredService<FakeVmm>());
        Assert.Same(given, three.GetRequiredService<FakeVmm>());
    }

    [Fact]
    public void The_last_fake_counts()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeVmm(fake => fake.On("old", _ => { })).AddFakeVmm(fake => fake.On("new", _ => { })))
            .BuildServiceProvider();

        Assert.False(services.GetRequiredService<Vmm>().TryGetFunction("old").IsFound);
        Assert.True(services.GetRequiredService<Vmm>().TryGetFunction("new").IsFound);
    }

    [Theory]
    [InlineData(FakeVmmPersonality.BitVisor, CpuFaultKind.InvalidOpcode)]
    [InlineData(FakeVmmPersonality.Kvm, CpuFaultKind.GeneralProtection)]
    public void An_instruction_that_the_options_force_is_executed_right_or_wrong(FakeVmmPersonality personality, CpuFaultKind fault)
    {
        FakeVmm fake = new(personality);
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeVmm(fake).Configure(options => options.Instruction = "vmcall"))
            .BuildServiceProvider();

        VmmLookup lookup = services.GetRequiredService<Vmm>().TryGetFunction("boot");

        Assert.Equal((VmmLookupOutcome.Faulted, fault), (lookup.Outcome, lookup.Fault.Kind));
        Assert.Equal("VMCALL", services.GetRequiredService<HypercallTarget>().Instruction.Mnemonic);
        Assert.Equal("VMMCALL", fake.Target.Instruction.Mnemonic); // the fake itself is as it was
    }

    [Fact]
    public void A_forced_instruction_that_nobody_has_is_the_usual_error()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeVmm().Configure(options => options.Instruction = "INT3"))
            .BuildServiceProvider();

        _ = Assert.Throws<HypercallProviderException>(() => services.GetRequiredService<HypercallTarget>());
    }

    private static void RunsOnTheFake(Action<IHypercallBuilder> configure)
    {
        using ServiceProvider services = new ServiceCollection().AddHypercall(configure).BuildServiceProvider();

        Assert.True(services.GetRequiredService<Vmm>().DetectPresence().IsPresent);
    }

    // What AddIntel() and AddAmd() do, with a machine that must not be made.
    private static IHypercallBuilder Real(IHypercallBuilder builder) =>
        builder.TryUseMachine(_ => throw new InvalidOperationException("The real machine was asked for."));
}
