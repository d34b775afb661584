using Microsoft.Extensions.DependencyInjection;

namespace Hypercall;

/// <summary>Configures a machine in a service collection. Vendors and doubles add themselves by extension methods.</summary>
public interface IHypercallBuilder
{
    /// <summary>The services being configured.</summary>
    IServiceCollection Services { get; }

    /// <summary>
    /// The key of the machine, which is the key of its services and the name of its <see cref="HypercallOptions"/>; null for
    /// the machine without a key. An extension method
    /// registers by it (<c>TryAddKeyedSingleton(builder.Key, ...)</c>) and resolves by it
    /// (<c>GetRequiredKeyedService(builder.Key)</c>): null means no key there, too.
    /// </summary>
    string? Key { get; }
}
