namespace Hypercall;

/// <summary>
/// What a program stands on: a CPU, its memory, and the way down to the VMM. The real machine is one, the fake machine is
/// another, and a program cannot tell them apart.
/// </summary>
public interface IHypercallMachine
{
    /// <summary>The CPUID instruction.</summary>
    ICpuid Cpuid { get; }

    /// <summary>The CPU, and the instruction chosen for it.</summary>
    /// <exception cref="HypercallProviderException">No registered provider serves the CPU, or more than one does.</exception>
    HypercallTarget Target { get; }

    /// <summary>The way down.</summary>
    /// <exception cref="HypercallProviderException">No registered provider serves the CPU, or more than one does.</exception>
    /// <exception cref="PlatformNotSupportedException">This operating system or process cannot execute a hypercall.</exception>
    IHypercallChannel Channel { get; }

    /// <summary>Memory that can be handed over.</summary>
    IGuestMemory Memory { get; }
}
