using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Tests.Channel;

/// <summary>Machines that can bind calls to a CPU, and machines that cannot.</summary>
public class OnCpuTests
{
    [Fact]
    public void A_machine_that_cannot_says_which_can()
    {
        IHypercallMachine machine = new Machine();
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => machine.OnCpu(0));
        Assert.Contains("A Machine does not bind calls to a CPU. A NativeMachine does", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_channel_that_was_given_stays_where_it_is()
    {
        IHypercallMachine machine = new PerCpu();
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => machine.WithChannel(new Channel(9)).OnCpu(3));
        Assert.Contains("Call OnCpu first, and WithChannel on the machine that it gives.", e.Message, StringComparison.Ordinal);
        Assert.Equal(9ul, Rax(machine.OnCpu(3).WithChannel(new Channel(9))));
    }

    [Fact]
    public void A_machine_with_a_key_passes_the_CPU_on_and_keeps_its_key()
    {
        using ServiceProvider services = new ServiceCollection()
            .AddKeyedHypercall("left", vmm => vmm.UseMachine(_ => new PerCpu()))
            .BuildServiceProvider();
        Assert.Equal(3ul, Rax(services.GetRequiredKeyedService<IHypercallMachine>("left").OnCpu(3)));
    }

    [Fact]
    public void A_function_is_the_same_on_that_CPU()
    {
        HypercallFunction function = new(new PerCpu(), HypercallConvention.Kvm, 5, "kick", TransferLayout.Address(1));
        HypercallFunction bound = function.OnCpu(7);
        Assert.Equal((0ul, 7ul), (function.Call().Value, bound.Call().Value));
        Assert.Equal((HypercallConvention.Kvm, 5ul, "kick"), (bound.Convention, bound.Number, bound.Name));
        Assert.Same(function.Layout, bound.Layout);
    }

    private static ulong Rax(IHypercallMachine machine)
    {
        HypercallRegisters registers = default;
        machine.Channel.Invoke(ref registers);
        return registers.Rax;
    }

    private class Machine : IHypercallMachine
    {
        public ICpuid Cpuid => throw new NotSupportedException();

        public HypercallTarget Target => throw new NotSupportedException();

        public virtual IHypercallChannel Channel => throw new NotSupportedException();

        public IGuestMemory Memory { get; } = new FakeMachine().Memory;
    }

    /// <summary>A machine whose channel answers with the CPU's number.</summary>
    private sealed class PerCpu(int cpu = 0) : Machine, IHypercallMachine
    {
        public override IHypercallChannel Channel => new Channel((ulong)cpu);

        IHypercallMachine IHypercallMachine.OnCpu(int cpu) => new PerCpu(cpu);
    }

    private sealed class Channel(ulong answer) : IHypercallChannel
    {
        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            registers.Rax = answer;
            return HypercallStatus.Completed;
        }
    }
}
