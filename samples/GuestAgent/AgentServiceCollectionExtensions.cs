using Hypercall;
using Microsoft.Extensions.DependencyInjection;

namespace GuestAgent;

public static class AgentServiceCollectionExtensions
{
    public static IServiceCollection AddGuestAgent(this IServiceCollection services) => services
        .AddHypercall(vmm => vmm.AddIntel().AddAmd().AddBitVisor())
        .AddSingleton<LineSender>()
        .AddSingleton<CommandSource>()
        .AddSingleton<Agent>();
}
