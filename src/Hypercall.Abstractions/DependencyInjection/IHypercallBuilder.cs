using Microsoft.Extensions.DependencyInjection;

namespace Hypercall;

/// <summary>Configures Hypercall in a service collection. Vendors and doubles add themselves by extension methods.</summary>
public interface IHypercallBuilder
{
    /// <summary>The services being configured.</summary>
    IServiceCollection Services { get; }
}
