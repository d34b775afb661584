using Hypercall;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Hypercall.</summary>
public static class HypercallServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="IHypercallChannel"/>, <see cref="IGuestMemory"/>, <see cref="CpuIdentity"/> and <see cref="HypercallTarget"/> as
    /// singletons. Safe to call more than once.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Adds the vendors, <c>vmm => vmm.AddIntel().AddAmd()</c>, or a fake, <c>vmm => vmm.AddFakeMachine()</c>.</param>
    public static IServiceCollection AddHypercall(this IServiceCollection services, Action<IHypercallBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);

        // Checked at start where there is a host; without one, the first time somebody needs the options.
        _ = services.AddOptions<HypercallOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<HypercallOptions>, HypercallOptionsValidator>());
        services.TryAddSingleton(provider => new HypercallMeter(provider.GetService<System.Diagnostics.Metrics.IMeterFactory>()));
        services.TryAddSingleton(provider => Machine(provider).Cpuid);
        services.TryAddSingleton(provider => Machine(provider).Memory);
        services.TryAddSingleton(provider => Machine(provider).Target);
        services.TryAddSingleton(provider => CpuIdentity.Read(provider.GetRequiredService<ICpuid>()));
        services.TryAddSingleton<IHypercallChannel>(provider => new ObservedChannel(
            Machine(provider).Channel, provider.GetRequiredService<HypercallMeter>(), provider.GetService<ILogger<IHypercallChannel>>()));
        configure(new HypercallBuilder(services));
        return services;
    }

    private static IHypercallMachine Machine(IServiceProvider provider) => provider.GetService<IHypercallMachine>()
        ?? throw new InvalidOperationException(
            "Hypercall has no machine to run on. Add a vendor, AddHypercall(vmm => vmm.AddIntel().AddAmd()), or a fake, AddHypercall(vmm => vmm.AddFakeMachine()).");

    private sealed class HypercallBuilder(IServiceCollection services) : IHypercallBuilder
    {
        public IServiceCollection Services => services;
    }
}
