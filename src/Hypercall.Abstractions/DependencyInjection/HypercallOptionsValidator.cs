using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Hypercall;

/// <summary>Holds the options of a machine against what is registered for it. Makes no machine.</summary>
/// <param name="provider">Gives the vendors' providers.</param>
/// <param name="services">What was registered.</param>
internal sealed class HypercallOptionsValidator(IServiceProvider provider, IServiceCollection services)
    : IValidateOptions<HypercallOptions>
{
    public ValidateOptionsResult Validate(string? name, HypercallOptions options)
    {
        string? key = string.IsNullOrEmpty(name) ? null : name;
        return MissingMachine.Find(services, key) switch
        {
            null => ValidateOptionsResult.Skip, // options of this name are nobody's
            MissingMachine => ValidateOptionsResult.Fail(MissingMachine.Message(key)),
            ServiceDescriptor machine => ValidateProvider(
                [.. provider.GetKeyedServices<IHypercallProvider>(key)], options, (machine as MachineDescriptor)?.Cpuid),
        };
    }

    private static ValidateOptionsResult ValidateProvider(IHypercallProvider[] providers, HypercallOptions options, ICpuid? cpuid)
    {
        if (options.Provider is { } named)
        {
            // With no provider there is a fake.
            return providers.Length == 0 || HypercallTarget.Named(providers, named).Count() == 1
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail(
                    $"HypercallOptions.Provider is '{named}', which must name exactly one. The registered providers are: "
                    + $"{string.Join(", ", providers.Select(provider => provider.Name))}.");
        }

        // That none can be used is said to who calls: a program may well do without a VMM.
        return cpuid is null || HypercallTarget.TrySelect(cpuid, providers, null, out _) is not { Matches: > 1 } error
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(error.Message);
    }
}
