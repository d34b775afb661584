using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;
using NSubstitute;

namespace Hypercall.Cli.Tests;

/// <summary>Machines that take the place of the one that the tool would open.</summary>
internal static class Machines
{
    public static CpuIdentity Amd { get; } = new() { Vendor = "AuthenticAMD", Brand = "A CPU of a test", MaxLeaf = 0x10 };

    /// <summary>A CPU that no provider serves.</summary>
    public static CpuIdentity Unknown { get; } = new() { Vendor = "Unheard Of!!", Brand = "A CPU of a test", MaxLeaf = 0x10 };

    public static Action<IServiceCollection> Use(IHypercallMachine machine) =>
        services => services.AddHypercall(vmm => vmm.UseMachine(_ => machine));

    public static Action<IServiceCollection> Fake(CpuIdentity cpu, FakeVmmPersonality? personality = null) =>
        Use(new FakeMachine(personality ?? FakeVmmPersonality.BitVisor) { Cpu = cpu });

    /// <summary>A machine whose channel cannot be had.</summary>
    public static Action<IServiceCollection> Without(CpuIdentity cpu, Exception noTarget)
    {
        IHypercallMachine machine = Substitute.For<IHypercallMachine>();
        machine.Target.Returns(_ => throw noTarget);
        machine.Channel.Returns(_ => throw noTarget);
        return services =>
        {
            Use(machine)(services);
            services.AddSingleton(cpu);
        };
    }

    /// <summary>A machine whose channel answers as it is told, and whose memory is a fake's.</summary>
    public static Action<IServiceCollection> Answering(Func<HypercallRegisters, HypercallRegisters> answer)
    {
        FakeMachine fake = new();
        IHypercallChannel channel = Substitute.For<IHypercallChannel>();
        HypercallRegisters registers = default;
        channel.TryInvoke(ref registers).ReturnsForAnyArgs(call =>
        {
            call[0] = answer((HypercallRegisters)call[0]);
            return HypercallStatus.Completed;
        });
        IHypercallMachine machine = Substitute.For<IHypercallMachine>();
        machine.Cpuid.Returns(fake.Cpuid);
        machine.Target.Returns(fake.Target);
        machine.Memory.Returns(fake.Memory);
        machine.Channel.Returns(channel);
        return Use(machine);
    }

    /// <summary>A machine that has no memory to hand over.</summary>
    public static Action<IServiceCollection> Refusing(GuestMemoryRefusal refusal)
    {
        FakeMachine fake = new();
        IGuestMemory memory = Substitute.For<IGuestMemory>();
        memory.TryAllocate(default, default!, out Arg.Any<GuestBuffer?>(), out Arg.Any<GuestMemoryRefusal?>()).ReturnsForAnyArgs(call =>
        {
            call[3] = refusal;
            return false;
        });
        IHypercallMachine machine = Substitute.For<IHypercallMachine>();
        machine.Cpuid.Returns(fake.Cpuid);
        machine.Target.Returns(fake.Target);
        machine.Channel.Returns(fake.Channel);
        machine.Memory.Returns(memory);
        return Use(machine);
    }
}
