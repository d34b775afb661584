namespace Hypercall;

/// <summary>What any machine can do.</summary>
public static class HypercallMachineExtensions
{
    /// <summary>
    /// The same CPU and memory with another way down: a channel of one's own, or a decorator around the machine's.
    /// </summary>
    /// <param name="machine">The machine.</param>
    /// <param name="channel">The way down. It stays on whatever CPU it was made for: call <see cref="IHypercallMachine.OnCpu"/>
    /// before, not on what comes back.</param>
    public static IHypercallMachine WithChannel(this IHypercallMachine machine, IHypercallChannel channel)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(channel);
        return new OtherChannel(machine, channel);
    }

    private sealed class OtherChannel(IHypercallMachine machine, IHypercallChannel channel) : IHypercallMachine
    {
        public ICpuid Cpuid => machine.Cpuid;

        public IHypervisorSigns Signs => machine.Signs;

        public HypercallTarget Target => machine.Target;

        public IReadOnlyList<IHypercallProvider> Providers => machine.Providers;

        public IHypercallChannel Channel => channel;

        public IGuestMemory Memory => machine.Memory;

        public IHypercallMachine OnCpu(int cpu) => throw new NotSupportedException(
            "This machine has a channel that was given to it (WithChannel), and cannot make it anew for a CPU. "
            + "Call OnCpu first, and WithChannel on the machine that it gives.");
    }
}
