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
    /// <remarks>
    /// Ways by CPUID, IN and OUT that the program registered (<c>AddCpuid()</c>, <c>AddPort(...)</c>) are played under their own
    /// names, with what they put into a frame, whatever <see cref="FakeMachineOptions.Ways"/> says; where there is no other, the
    /// program's calls go by it. A permission for a port is <see cref="FakeMachine.HasPortPermission"/>, also where the program
    /// asks for one itself.
    /// </remarks>
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
            IHypercallProvider[] programs = [.. provider.GetKeyedServices<IHypercallProvider>(key)];
            FakeTargets targets = new(vmm, programs, options);
            return options.Provider is { } name
                ? IsDevices(name, targets, programs) ? vmm : new FakeMachineView(vmm, targets, cpu: 0)
                : targets.HasOwn ? new FakeMachineView(vmm, targets, cpu: 0)
                : vmm;
        });
    }

    // A name that a way of the program's own has, and that the fake cannot play: the fake itself stands for it.
    private static bool IsDevices(string name, FakeTargets targets, IHypercallProvider[] programs) =>
        !FakeVendor.All.Any(vendor => vendor.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        && !targets.Providers.Any(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        && programs.Any(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static FakeMachine Create(IServiceProvider provider, string? key) =>
        new(FakeMachineOptions.Plain, provider.GetKeyedService<ILoggerFactory>(key), provider.GetService<IMeterFactory>());
}
