using Hypercall.BitVisor;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Hypercall;

/// <summary>Registers what speaks to BitVisor.</summary>
public static class BitVisorHypercallBuilderExtensions
{
    /// <summary>
    /// Registers <see cref="BitVisorClient"/> and its clients <see cref="VmmStatusClient"/> and <see cref="VmmShell"/> as singletons. Safe to call more
    /// than once.
    /// </summary>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddBitVisor(this IHypercallBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton(provider => new BitVisorClient(
            provider.GetRequiredService<IHypercallMachine>().WithChannel(provider.GetRequiredService<IHypercallChannel>()), provider.GetService<ILogger<BitVisorClient>>()));
        builder.Services.TryAddSingleton<VmmStatusClient>();
        builder.Services.TryAddSingleton<VmmShell>();
        return builder;
    }
}
