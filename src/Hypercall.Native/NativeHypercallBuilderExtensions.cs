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
        where TProvider : class, IHypercallProvider => builder.AddProvider<TProvider>().TryUseNativeMachine();

    /// <summary>
    /// Makes hypercalls by CPUID, as provider <c>cpuid</c>, and runs on the real machine unless another one is registered. Safe
    /// to call more than once. Beside another provider, name one in <see cref="HypercallOptions.Provider"/>.
    /// </summary>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddCpuid(this IHypercallBuilder builder) => builder.AddNativeProvider<CpuidProvider>();

    /// <summary>
    /// Makes hypercalls by a port, and runs on the real machine unless another one is registered. Safe to call more than once
    /// with the same values. Beside another provider, name one in <see cref="HypercallOptions.Provider"/>. See
    /// <see cref="PortProvider"/> for what travels.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="port">The port; VMware's is 0x5658.</param>
    /// <param name="direction">IN or OUT.</param>
    /// <param name="width">1, 2 or 4 bytes. An access touches as many ports; the last is 0xffff at most.</param>
    /// <param name="withPermission">
    /// False: #GP where the caller's thread has no permission, unless a VMM serves the port to user mode. True, on Linux only: a
    /// thread of the channel's own asks for it, and gives it back when the machine is disposed; this needs CAP_SYS_RAWIO.
    /// </param>
    /// <param name="name">The provider's name. Two ports on one machine need two names.</param>
    /// <exception cref="ArgumentException">Another port has that name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The width is none of 1, 2 and 4, or the access passes port
    /// 0xffff.</exception>
    public static IHypercallBuilder AddPort(
        this IHypercallBuilder builder,
        ushort port,
        PortDirection direction = PortDirection.In,
        int width = 4,
        bool withPermission = false,
        string name = "port")
    {
        ArgumentNullException.ThrowIfNull(builder);
        PortProvider provider = new(port, direction, width, withPermission, name);
        PortProvider? known = builder.Services
            .Where(service => service.ServiceType == typeof(IHypercallProvider) && Equals(service.ServiceKey, builder.Key))
            .Select(service => service.IsKeyedService ? service.KeyedImplementationInstance : service.ImplementationInstance)
            .OfType<PortProvider>()
            .FirstOrDefault(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (known is null)
        {
            builder.Services.Add(ServiceDescriptor.KeyedSingleton<IHypercallProvider>(builder.Key, provider));
        }
        else if (!known.IsSameAs(provider))
        {
            throw new ArgumentException(
                $"Another port is called '{name}' already. Give this one a name of its own: "
                + $"AddPort(0x{port:x}, ..., name: \"port 0x{port:x}\").",
                nameof(name));
        }

        return builder.TryUseNativeMachine();
    }

    private static IHypercallBuilder TryUseNativeMachine(this IHypercallBuilder builder) =>
        builder.TryUseMachine(X86Base.IsSupported ? new NativeCpuid() : null, services => Create(services, builder.Key));

    private static NativeMachine Create(IServiceProvider services, string? key) => new(
        services.GetKeyedServices<IHypercallProvider>(key),
        services.GetRequiredService<IOptionsMonitor<HypercallOptions>>().Get(key),
        services.GetKeyedService<ILoggerFactory>(key),
        services.GetService<IMeterFactory>());
}
