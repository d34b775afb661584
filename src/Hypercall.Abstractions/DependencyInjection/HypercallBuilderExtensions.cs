using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

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
        _ = builder.Services.Configure(builder.Key, configure);
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
    public static IHypercallBuilder TryUseMachine(this IHypercallBuilder builder, Func<IServiceProvider, IHypercallMachine> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return MissingMachine.Find(builder.Services, builder.Key) is null or MissingMachine ? builder.UseMachine(create) : builder;
    }

    /// <summary>Runs on a machine, whatever was registered before or will be registered after.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="create">Creates the machine.</param>
    public static IHypercallBuilder UseMachine(this IHypercallBuilder builder, Func<IServiceProvider, IHypercallMachine> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(create);
        _ = builder.Services.Replace(ServiceDescriptor.KeyedSingleton(builder.Key, (provider, _) => Create(provider, create, builder.Key)));
        return builder;
    }

    private static IHypercallMachine Create(IServiceProvider provider, Func<IServiceProvider, IHypercallMachine> create, string? key) => key is null
        ? create(provider)
        : new KeyedMachine(create(provider), provider.GetKeyedService<ILoggerFactory>(key), provider.GetService<IMeterFactory>(), key);
}
