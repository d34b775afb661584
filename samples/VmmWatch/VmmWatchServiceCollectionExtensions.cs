using Hypercall;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace VmmWatch;

/// <summary>All that the watch is made of.</summary>
public static class VmmWatchServiceCollectionExtensions
{
    // The framework's own log of each check says the same again every time; ours says it when it changes.
    private const string LogOfEveryCheck = "Microsoft.Extensions.Diagnostics.HealthChecks.DefaultHealthCheckService";

    /// <summary>
    /// Registers it. A machine that is registered later (<c>AddFakeMachine</c> in a test) takes the place of the configured one.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">Where the section <c>Vmm</c> is.</param>
    public static IServiceCollection AddVmmWatch(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);

        IConfigurationSection section = configuration.GetSection(WatchOptions.Section);
        _ = services.AddOptions<WatchOptions>()
            .Bind(section, binder => binder.ErrorOnUnknownConfiguration = true) // a misspelt setting is an error, not the default
            .ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<WatchOptions>, WatchOptionsValidator>());

        _ = services.AddOptions<HypercallOptions>().Bind(configuration.GetSection("Hypercall")); // the library's own settings

        // Both vendors, always: CPUID decides. And a fake on top, which wins, unless the real machine is asked for.
        _ = services.AddHypercall(vmm => vmm.AddIntel().AddAmd().AddBitVisor());
        if (!(Enum.TryParse(section[nameof(WatchOptions.Machine)], ignoreCase: true, out WatchedMachine machine) && machine == WatchedMachine.Real)) // as the binder reads it: 1 is Real, too
        {
            string function = section[nameof(WatchOptions.Function)] is { Length: > 0 } name ? name : new WatchOptions().Function;
            _ = services.AddHypercall(vmm => vmm.AddFakeMachine(fake => new RestlessVmm().AddTo(fake, function)));
        }

        services.TryAddSingleton(TimeProvider.System);
        _ = services.AddMetrics();
        _ = services.AddSingleton<VmmPoller>()
            .AddSingleton<WatchState>()
            .AddSingleton<WatchMeter>()
            .AddSingleton<VmmWatcher>()
            .AddHostedService(provider => provider.GetRequiredService<VmmWatcher>());

        _ = services.AddHealthChecks().AddCheck<VmmHealthCheck>(VmmHealthCheck.Name);
        _ = services.AddSingleton<IHealthCheckPublisher, HealthPublisher>();
        _ = services.AddOptions<HealthCheckPublisherOptions>().Configure<IOptions<WatchOptions>>((publisher, watch) =>
        {
            // Whatever the polls do, a hung call and a fresh file must be seen in time; and it takes no less than a second.
            TimeSpan period = TimeSpan.FromSeconds(Math.Clamp(watch.Value.Period.TotalSeconds, 1, 10));
            publisher.Delay = period;
            publisher.Period = period;
        });
        return services.AddLogging(logging => logging.AddFilter(LogOfEveryCheck, LogLevel.None));
    }
}
