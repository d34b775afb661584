using Microsoft.Extensions.DependencyInjection;

namespace Hypercall;

internal sealed class HypercallBuilder(IServiceCollection services, string? key) : IHypercallBuilder
{
    public IServiceCollection Services => services;

    public string? Key => key;
}
