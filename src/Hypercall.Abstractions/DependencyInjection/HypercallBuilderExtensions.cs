using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Hypercall;

/// <summary>What every vendor and every double builds on.</summary>
public static class HypercallBuilderExtensions
{
    /// <summary>Sets options.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Changes the options.</param>
    public static IHypercallBuilder Configure(this IHypercallBuilder builder, Action<HypercallOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        _ = builder.Services.Configure(builder.Key ?? Options.DefaultName, configure); // null would mean every name
        return builder;
    }

    /// <summary>Registers a vendor's provider, once however often it is asked.</summary>
    /// <typeparam name="TProvider">The provider.</typeparam>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddProvider<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TProvider>(
        this IHypercallBuilder builder)
        where TProvider : class, IHypercallProvider
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddEnumerable(ServiceDescriptor.KeyedSingleton<IHypercallProvider, TProvider>(builder.Key));
        return builder;
    }

    /// <summary>Runs on a machine, unless one is registered already.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="create">Creates the machine.</param>
    public static IHypercallBuilder TryUseMachine(this IHypercallBuilder builder, Func<IServiceProvider, IHypercallMachine> create) =>
        builder.TryUseMachine(null, create);

    /// <summary>Runs on a machine, whatever was registered before or will be registered after.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="create">Creates the machine.</param>
    public static IHypercallBuilder UseMachine(this IHypercallBuilder builder, Func<IServiceProvider, IHypercallMachine> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.UseMachine(null, create);
    }

    /// <summary>Runs on a machine whose CPU is known before it is made, unless another machine is registered.</summary>
    internal static IHypercallBuilder TryUseMachine(
        this IHypercallBuilder builder, ICpuid? cpuid, Func<IServiceProvider, IHypercallMachine> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ServiceDescriptor? known = MissingMachine.Find(builder.Services, builder.Key);
        return known is null or MissingMachine ? builder.UseMachine(cpuid, create) : builder;
    }

    private static IHypercallBuilder UseMachine(
        this IHypercallBuilder builder, ICpuid? cpuid, Func<IServiceProvider, IHypercallMachine> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        string? key = builder.Key;
        _ = builder.Services.Replace(new MachineDescriptor(
            key, cpuid, provider => key is null ? create(provider) : WithKey(create(provider), provider, key)));
        return builder;
    }

    private static KeyedMachine WithKey(IHypercallMachine machine, IServiceProvider provider, string key) =>
        new(machine, provider.GetKeyedService<ILoggerFactory>(key), provider.GetService<IMeterFactory>(), key);
}
