using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Runtime.Intrinsics.X86;
using Hypercall.Native;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Hypercall;

/// <summary>What a vendor package calls to put its provider on the machine under this process.</summary>
public static class NativeHypercallBuilderExtensions
{
    /// <summary>Registers a vendor's provider, and runs on the real machine unless another one is registered.</summary>
    /// <typeparam name="TProvider">The provider.</typeparam>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddNativeProvider<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TProvider>(
        this IHypercallBuilder builder)
        where TProvider : class, IHypercallProvider =>
        builder.AddProvider<TProvider>()
            .TryUseMachine(X86Base.IsSupported ? new NativeCpuid() : null, services => Create(services, builder.Key));

    private static NativeMachine Create(IServiceProvider services, string? key) => new(
        services.GetKeyedServices<IHypercallProvider>(key),
        services.GetRequiredService<IOptionsMonitor<HypercallOptions>>().Get(key),
        services.GetKeyedService<ILoggerFactory>(key),
        services.GetService<IMeterFactory>());
}
