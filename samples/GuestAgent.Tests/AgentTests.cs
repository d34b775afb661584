using Hypercall;
using Hypercall.BitVisor;
using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;
using NSubstitute;

namespace GuestAgent.Tests;

/// <summary>The agent on a machine on which nothing goes wrong, and with a channel of which one method is faked.</summary>
public sealed class AgentTests
{
    /// <summary>The application's own registration, and a fake machine under it: nothing else changes.</summary>
    [Fact]
    public void The_application_runs_on_a_fake_machine()
    {
        AgentVmm vmm = new("uptime", "whoami");
        using ServiceProvider services = new ServiceCollection()
            .AddGuestAgent()
            .AddHypercall(builder => builder.AddFakeMachine(fake => vmm.AddTo(fake)))
            .BuildServiceProvider();
        services.GetRequiredService<LineSender>().Add("started");

        Assert.Null(services.GetRequiredService<Agent>().RunOnce(command => command.ToUpperInvariant()));

        Assert.Equal(["started", "uptime: UPTIME", "whoami: WHOAMI"], vmm.Log);
    }

    [Fact]
    public void A_command_that_is_longer_than_the_buffer_is_asked_for_again()
    {
        string command = new('x', 10_000);
        FakeMachine fake = new AgentVmm(command).AddTo(new FakeMachine());
        Assert.Equal(command, new CommandSource(new BitVisorClient(fake), fake.Memory).TryTake(out _));
    }

    [Fact]
    public void Without_a_VMM_the_lines_wait_and_the_problem_is_told()
    {
        FakeMachine fake = new(FakeVmmPersonality.None);
        LineSender lines = new(new BitVisorClient(fake), fake.Memory);
        lines.Add("one");
        Assert.Contains("#UD", lines.Flush(), StringComparison.Ordinal);
        Assert.Equal(1, lines.Waiting);
    }

    /// <summary>
    /// One method faked, the rest of the machine left alone: the way down says "refused", in the way of KVM, to everything.
    /// </summary>
    [Fact]
    public void A_VMM_of_another_kind_gets_no_line()
    {
        IHypercallChannel channel = Substitute.For<IHypercallChannel>();
        _ = channel.TryInvoke(ref Arg.Any<HypercallRegisters>()).Returns(call =>
        {
            call[0] = (HypercallRegisters)call[0] with { Rax = ulong.MaxValue };
            return HypercallStatus.Completed;
        });
        FakeMachine fake = new();
        LineSender lines = new(new BitVisorClient(fake.WithChannel(channel)), fake.Memory);
        lines.Add("one");
        Assert.NotNull(lines.Flush());
        Assert.Equal(1, lines.Waiting);
        _ = channel.Received(1).TryInvoke(ref Arg.Any<HypercallRegisters>()); // the look-up found nothing, so nothing was called
    }

    /// <summary>A kernel without memory to give, and a machine that otherwise works.</summary>
    [Fact]
    public void Without_memory_the_lines_wait()
    {
        FakeMachine fake = new AgentVmm().AddTo(new FakeMachine());
        IGuestMemory none = Substitute.For<IGuestMemory>();
        _ = none.TryAllocate(default, default!, out _, out _).ReturnsForAnyArgs(call =>
        {
            call[3] = new GuestMemoryRefusal(GuestMemoryRefusalReason.OutOfMemory, "There is none.");
            return false;
        });
        LineSender lines = new(new BitVisorClient(fake), none);
        lines.Add("one");
        Assert.Equal("There is none.", lines.Flush());
    }
}
