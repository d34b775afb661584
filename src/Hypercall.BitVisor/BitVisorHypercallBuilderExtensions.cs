using Hypercall.BitVisor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Hypercall;

/// <summary>Registers what speaks to BitVisor.</summary>
public static class BitVisorHypercallBuilderExtensions
{
    /// <summary>
    /// Registers <see cref="BitVisorClient"/> and its clients <see cref="VmmStatusClient"/> and <see cref="VmmShell"/> as
    /// singletons, with the builder's key if it has one.
    /// Safe to call more than once.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="convention">Where number, arguments and result are, for a VMM that serves the same functions by another way;
    /// null for <see cref="HypercallConvention.BitVisor"/>.</param>
    public static IHypercallBuilder AddBitVisor(this IHypercallBuilder builder, HypercallConvention? convention = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        string? key = builder.Key;
        IServiceCollection services = builder.Services;
        services.TryAddKeyedSingleton(key, (provider, _) => new BitVisorClient(Machine(provider, key), Logger(provider, key), convention));
        services.TryAddKeyedSingleton(key, (provider, _) => new VmmStatusClient(Client(provider, key)));
        services.TryAddKeyedSingleton(key, (provider, _) => new VmmShell(Client(provider, key)));
        return builder;
    }

    private static BitVisorClient Client(IServiceProvider provider, string? key) =>
        provider.GetRequiredKeyedService<BitVisorClient>(key);

    private static IHypercallMachine Machine(IServiceProvider provider, string? key)
    {
        IHypercallMachine machine = provider.GetRequiredKeyedService<IHypercallMachine>(key);
        return machine.WithChannel(provider.GetRequiredKeyedService<IHypercallChannel>(key));
    }

    private static ILogger<BitVisorClient>? Logger(IServiceProvider provider, string? key) =>
        provider.GetKeyedService<ILoggerFactory>(key)?.CreateLogger<BitVisorClient>();
}
