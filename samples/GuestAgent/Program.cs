using GuestAgent;
using Microsoft.Extensions.DependencyInjection;

using ServiceProvider services = new ServiceCollection().AddGuestAgent().BuildServiceProvider();
Agent agent = services.GetRequiredService<Agent>();
services.GetRequiredService<LineSender>().Add($"agent started on {Environment.MachineName}");

if (agent.RunOnce(command => $"no such command on {Environment.OSVersion}") is { } problem)
{
    Console.Error.WriteLine(problem);
    return 1;
}

return 0;
