using System.Diagnostics.Metrics;
using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Hypercall;

/// <summary>Swaps the machine under an application for a fake one.</summary>
public static class FakeMachineBuilderExtensions
{
    /// <summary>
    /// Runs on a fake VMM, whatever was registered before or will be registered after. The <see cref="FakeMachine"/> can be
    /// resolved; each service provider has its own. Where it is asked twice, the last one counts.
    /// </summary>
    /// <param name="builder">The builder.</param>
    public static IHypercallBuilder AddFakeMachine(this IHypercallBuilder builder) =>
        Use(builder, provider => Create(provider, builder.Key));

    /// <summary>
    /// Runs on a fake VMM, whatever was registered before or will be registered after. The <see cref="FakeMachine"/> can be
    /// resolved; each service provider has its own. Where it is asked twice, the last one counts.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="configure">Registers functions, chooses personality and CPU: <c>fake => fake.On("foo", call => call.Rax =
    /// 10)</c>.</param>
    public static IHypercallBuilder AddFakeMachine(this IHypercallBuilder builder, Action<FakeMachine> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Use(builder, provider =>
        {
            FakeMachine vmm = Create(provider, builder.Key);
            configure(vmm);
            return vmm;
        });
    }

    /// <summary>Runs on a fake VMM that exists already, whatever was registered before or will be registered after.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="vmm">The fake VMM.</param>
    public static IHypercallBuilder AddFakeMachine(this IHypercallBuilder builder, FakeMachine vmm)
    {
        ArgumentNullException.ThrowIfNull(vmm);
        return Use(builder, _ => vmm);
    }

    private static IHypercallBuilder Use(IHypercallBuilder builder, Func<IServiceProvider, FakeMachine> create)
    {
        ArgumentNullException.ThrowIfNull(builder);
        string? key = builder.Key;
        _ = builder.Services.Replace(ServiceDescriptor.KeyedSingleton(key, (provider, _) => create(provider)));
        return builder.UseMachine(provider =>
        {
            FakeMachine vmm = provider.GetRequiredKeyedService<FakeMachine>(key);
            HypercallOptions options = provider.GetRequiredService<IOptionsMonitor<HypercallOptions>>().Get(key);
            return options.Provider is null || IsProgramsOwn(vmm, provider, key, options.Provider)
                ? vmm
                : new FakeMachineView(vmm, options, cpu: 0);
        });
    }

    // A name that the program's own providers have, and the fake has not: the fake stands for that machine, too.
    private static bool IsProgramsOwn(FakeMachine vmm, IServiceProvider services, string? key, string name) =>
        !FakeVendor.All.Any(vendor => vendor.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        && !vmm.Providers.Any(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        && services.GetKeyedServices<IHypercallProvider>(key).Any(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static FakeMachine Create(IServiceProvider provider, string? key) =>
        new(FakeMachineOptions.Plain, provider.GetKeyedService<ILoggerFactory>(key), provider.GetService<IMeterFactory>());
}
