using Microsoft.Extensions.DependencyInjection;

namespace Hypercall;

/// <summary>The registration of a machine.</summary>
/// <param name="key">Its key; null for the machine without one.</param>
/// <param name="cpuid">The CPU that it will run on, for the validation of options; null when only the machine itself
/// knows.</param>
/// <param name="create">Makes it.</param>
internal sealed class MachineDescriptor(string? key, ICpuid? cpuid, Func<IServiceProvider, IHypercallMachine> create)
    : ServiceDescriptor(typeof(IHypercallMachine), key, (provider, _) => create(provider), ServiceLifetime.Singleton)
{
    public ICpuid? Cpuid { get; } = cpuid;
}
