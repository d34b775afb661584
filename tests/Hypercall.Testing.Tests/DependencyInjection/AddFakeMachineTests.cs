using Hypercall.BitVisor;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Testing.Tests;

public sealed class AddFakeMachineTests
{
    [Fact]
    public void An_application_calls_the_fake_in_its_tests()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeMachine(fake => fake.On("foo", call => call.Rax = 10)).AddBitVisor())
            .BuildServiceProvider();

        Assert.Equal(10ul, services.GetRequiredService<BitVisorClient>().GetFunction("foo").Call().Rax);
        Assert.Equal(2, services.GetRequiredService<FakeMachine>().Calls);
    }

    [Fact]
    public void The_fake_wins_over_a_machine_that_was_added_before() => RunsOnTheFake(vmm => Real(vmm).AddFakeMachine());

    [Fact]
    public void The_fake_wins_over_a_machine_that_is_added_after() => RunsOnTheFake(vmm => Real(vmm.AddFakeMachine()));

    [Fact]
    public void The_fake_wins_when_it_is_added_by_a_second_registration()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => Real(vmm).AddBitVisor())
            .AddHypercall(vmm => vmm.AddFakeMachine())
            .BuildServiceProvider();

        Assert.True(services.GetRequiredService<BitVisorClient>().DetectPresence().IsPresent);
    }

    [Fact]
    public void All_services_of_the_machine_are_those_of_the_fake()
    {
        FakeMachine fake = new() { Cpu = new CpuIdentity { Vendor = "GenuineIntel" } };
        using ServiceProvider services = new ServiceCollection().AddHypercall(vmm => vmm.AddFakeMachine(fake)).BuildServiceProvider();

        Assert.Same(fake, services.GetRequiredService<FakeMachine>());
        Assert.Same(fake, services.GetRequiredService<IHypercallMachine>());
        Assert.Same(fake.Memory, services.GetRequiredService<IGuestMemory>());
        Assert.Same(fake.Cpuid, services.GetRequiredService<ICpuid>());
        Assert.Equal(fake.Cpu, services.GetRequiredService<CpuIdentity>());
        Assert.Equal("VMCALL", services.GetRequiredService<HypercallTarget>().Way);
    }

    [Fact]
    public void Each_provider_has_a_fake_of_its_own_and_one_that_is_given_is_shared()
    {
        IServiceCollection made = new ServiceCollection().AddHypercall(vmm => vmm.AddFakeMachine(_ => { }));
        FakeMachine given = new();
        IServiceCollection shared = new ServiceCollection().AddHypercall(vmm => vmm.AddFakeMachine(given));

        using ServiceProvider one = made.BuildServiceProvider(), two = made.BuildServiceProvider(), three = shared.BuildServiceProvider();

        Assert.NotSame(one.GetRequiredService<FakeMachine>(), two.GetRequiredService<FakeMachine>());
        Assert.Same(given, three.GetRequiredService<FakeMachine>());
    }

    [Fact]
    public void The_last_fake_counts()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeMachine(fake => fake.On("old", _ => { })).AddFakeMachine(fake => fake.On("new", _ => { })).AddBitVisor())
            .BuildServiceProvider();

        Assert.False(services.GetRequiredService<BitVisorClient>().TryGetFunction("old").IsFound);
        Assert.True(services.GetRequiredService<BitVisorClient>().TryGetFunction("new").IsFound);
    }

    [Theory]
    [InlineData(nameof(FakeVmmPersonality.BitVisor), CpuFaultKind.InvalidOpcode)]
    [InlineData(nameof(FakeVmmPersonality.Kvm), CpuFaultKind.GeneralProtection)]
    public void An_instruction_that_the_options_force_is_executed_right_or_wrong(string personality, CpuFaultKind fault)
    {
        FakeMachine fake = new(FakeVmmPersonality.All.Single(one => one.Name == personality));
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeMachine(fake).AddBitVisor().Configure(options => options.Provider = "intel"))
            .BuildServiceProvider();

        VmmLookup lookup = services.GetRequiredService<BitVisorClient>().TryGetFunction("boot");

        Assert.Equal((VmmLookupOutcome.Faulted, fault), (lookup.Outcome, lookup.Status.Fault.Kind));
        Assert.Equal("VMCALL", services.GetRequiredService<HypercallTarget>().Way);
        Assert.Equal("VMMCALL", fake.Target.Way); // the fake itself is as it was
    }

    [Fact]
    public void A_forced_instruction_that_nobody_has_is_the_usual_error()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddHypercall(vmm => vmm.AddFakeMachine().Configure(options => options.Provider = "Arm"))
            .BuildServiceProvider();

        _ = Assert.Throws<HypercallProviderException>(() => services.GetRequiredService<HypercallTarget>());
    }

    private static void RunsOnTheFake(Action<IHypercallBuilder> configure)
    {
        using ServiceProvider services = new ServiceCollection().AddHypercall(configure).AddHypercall(vmm => vmm.AddBitVisor()).BuildServiceProvider();

        Assert.True(services.GetRequiredService<BitVisorClient>().DetectPresence().IsPresent);
    }

    // What AddIntel() and AddAmd() do, with a machine that must not be made.
    private static IHypercallBuilder Real(IHypercallBuilder builder) =>
        builder.TryUseMachine(_ => throw new InvalidOperationException("The real machine was asked for."));
}
