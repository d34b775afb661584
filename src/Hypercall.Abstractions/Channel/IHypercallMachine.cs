namespace Hypercall;

/// <summary>
/// What a program stands on: a CPU, its memory, and the way down to the VMM. The real machine is one, the fake machine is
/// another, and a program cannot tell them apart.
/// </summary>
public interface IHypercallMachine
{
    /// <summary>The CPUID instruction.</summary>
    ICpuid Cpuid { get; }

    /// <summary>Where to see what is under the guest (<see cref="HypervisorDetector"/>); by default CPUID alone.</summary>
    IHypervisorSigns Signs => new CpuidSigns(Cpuid);

    /// <summary>The CPU, and the instruction chosen for it.</summary>
    /// <exception cref="HypercallProviderException">No registered provider serves the CPU, or more than one does.</exception>
    HypercallTarget Target { get; }

    /// <summary>All ways down that this machine has, whether they can be used or not; by default the chosen one.</summary>
    IReadOnlyList<IHypercallProvider> Providers => [Target.Provider];

    /// <summary>The way down.</summary>
    /// <exception cref="HypercallProviderException">No registered provider serves the CPU, or more than one does.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system or process cannot execute a hypercall.</exception>
    IHypercallChannel Channel { get; }

    /// <summary>Memory that can be handed over.</summary>
    IGuestMemory Memory { get; }

    /// <summary>
    /// The same machine, with each call made on one CPU of the guest: a VMM may have taken over only some of them, and some
    /// interfaces are a CPU's own.
    /// </summary>
    /// <param name="cpu">The CPU's number, from 0, as the guest's kernel counts them.</param>
    /// <returns>The machine on that CPU; it ends with this one.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="cpu"/> is negative.</exception>
    /// <exception cref="HypercallRefusedException">There is no such CPU, or it is offline, or this process may not run
    /// there.</exception>
    /// <exception cref="NotSupportedException">This kind of machine cannot.</exception>
    IHypercallMachine OnCpu(int cpu) => throw new NotSupportedException(
        $"A {GetType().Name} does not bind calls to a CPU. A NativeMachine does (on Linux), and a FakeMachine.");
}
