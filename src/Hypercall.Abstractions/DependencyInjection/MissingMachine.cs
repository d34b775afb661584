using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Hypercall;

/// <summary>Stands where no machine was registered yet, and says what to add.</summary>
/// <param name="key">The key of the machine.</param>
internal sealed class MissingMachine(string? key)
    : ServiceDescriptor(typeof(IHypercallMachine), key, (_, _) => throw Error(key), ServiceLifetime.Singleton)
{
    /// <summary>What is registered for a machine; null when nothing is.</summary>
    /// <param name="services">The services.</param>
    /// <param name="key">The key of the machine.</param>
    public static ServiceDescriptor? Find(IServiceCollection services, string? key) =>
        services.LastOrDefault(service => service.ServiceType == typeof(IHypercallMachine) && Equals(service.ServiceKey, key));

    /// <summary>What to add.</summary>
    /// <param name="key">The key of the machine.</param>
    public static string Message(string? key)
    {
        string what = key is null ? "machine" : $"machine '{key}'";
        string call = key is null ? "AddHypercall(" : $"AddKeyedHypercall(\"{key}\", ";
        return $"Hypercall has no {what} to run on. Add a vendor, {call}vmm => vmm.AddIntel().AddAmd()), "
            + $"or a fake, {call}vmm => vmm.AddFakeMachine()).";
    }

    private static OptionsValidationException Error(string? key) =>
        new(key ?? Microsoft.Extensions.Options.Options.DefaultName, typeof(HypercallOptions), [Message(key)]);
}
