using System.Diagnostics.Metrics;
using Hypercall;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers Hypercall.</summary>
public static class HypercallServiceCollectionExtensions
{
    /// <summary>
    /// Registers <see cref="IHypercallMachine"/>, <see cref="IHypercallChannel"/>, <see cref="IGuestMemory"/>,
    /// <see cref="ICpuid"/>, <see cref="CpuIdentity"/> and
    /// <see cref="HypercallTarget"/> as singletons. Safe to call more than once.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Adds the vendors, <c>vmm => vmm.AddIntel().AddAmd()</c>, or a fake, <c>vmm =>
    /// vmm.AddFakeMachine()</c>.</param>
    /// <remarks>
    /// Where nothing is added, or the options are not possible, an <see cref="OptionsValidationException"/> says so: at start
    /// where there is a host, else when the first of
    /// these services is resolved.
    /// </remarks>
    public static IServiceCollection AddHypercall(this IServiceCollection services, Action<IHypercallBuilder> configure) =>
        Add(services, null, configure);

    /// <summary>
    /// Registers one of several machines: the services of <see cref="AddHypercall"/>, and those that a builder's methods add,
    /// as keyed singletons, resolved by
    /// <c>[FromKeyedServices("left")]</c>. Its options are the <see cref="HypercallOptions"/> of that name; its metrics have
    /// the tag <c>hypercall.machine</c>, its log events
    /// a scope with it. Safe to call more than once.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="key">The key.</param>
    /// <param name="configure">Adds the vendors, or a fake.</param>
    /// <exception cref="ArgumentException">The key is blank.</exception>
    /// <example>
    /// <code>
    /// services.AddKeyedHypercall("left", vmm => vmm.AddFakeMachine());
    /// services.AddKeyedHypercall("right", vmm => vmm.AddFakeMachine());
    /// IHypercallChannel left = provider.GetRequiredKeyedService&lt;IHypercallChannel&gt;("left");
    /// </code>
    /// </example>
    public static IServiceCollection AddKeyedHypercall(
        this IServiceCollection services, string key, Action<IHypercallBuilder> configure)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(key);
        return Add(services, key, configure);
    }

    private static IServiceCollection Add(IServiceCollection services, string? key, Action<IHypercallBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);

        // Checked at start where there is a host; without one, the first time somebody needs the options.
        _ = services.AddOptions<HypercallOptions>(key).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<HypercallOptions>, HypercallOptionsValidator>(
            provider => new HypercallOptionsValidator(provider, services)));
        services.TryAdd(new MissingMachine(key));
        if (key is not null)
        {
            services.TryAddKeyedSingleton<ILoggerFactory>(
                key,
                (provider, _) =>
                    new MachineLoggerFactory(provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance, key));
        }

        // A key that is null is no key: the same lines register both.
        services.TryAddKeyedSingleton(key, (provider, _) => Machine(provider, key).Cpuid);
        services.TryAddKeyedSingleton(key, (provider, _) => Machine(provider, key).Memory);
        services.TryAddKeyedSingleton(key, (provider, _) => Machine(provider, key).Target);
        services.TryAddKeyedSingleton(key, (provider, _) => CpuIdentity.Read(Machine(provider, key).Cpuid));
        services.TryAddKeyedSingleton(key, (provider, _) => Machine(provider, key).Channel
            .Observe(provider.GetKeyedService<ILoggerFactory>(key), provider.GetService<IMeterFactory>(), key));
        configure(new HypercallBuilder(services, key));
        return services;
    }

    private static IHypercallMachine Machine(IServiceProvider provider, string? key)
    {
        _ = provider.GetRequiredService<IOptionsMonitor<HypercallOptions>>().Get(key);
        return provider.GetRequiredKeyedService<IHypercallMachine>(key);
    }
}
