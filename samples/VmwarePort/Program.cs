using Hypercall;
using Microsoft.Extensions.DependencyInjection;
using VmwarePort;

// VmwarePort [--fake | --permission]: what VMware's port says. With --permission the program asks its kernel for the port, as
// root.
ServiceCollection services = new();
services.AddHypercall(vmm => vmm.AddPort(PortCommands.Port, withPermission: args.Contains("--permission")));
if (args.Contains("--fake"))
{
    services.AddHypercall(vmm => vmm.AddFakeMachine(FakeVmware.Create())); // the same program: the fake wins
}

using ServiceProvider provider = services.BuildServiceProvider(); // its Dispose gives the permission back
try
{
    PortCommands port = new(provider.GetRequiredService<IHypercallMachine>());
    if (port.GetVersion() is not (uint version, uint product))
    {
        Console.Error.WriteLine($"Nobody serves port 0x{PortCommands.Port:x}: IN gave all ones, or no magic number.");
        return 1;
    }

    Console.WriteLine($"version {version}, product type {product}");
    Console.WriteLine(port.GetMemory() is { } memory ? $"memory {memory}" : "memory: not served");
    Console.WriteLine(port.GetUuid() is { } uuid ? $"UUID {Convert.ToHexString(uuid)}" : "UUID: not served");
    Console.WriteLine($"command 0x7fff: {(port.Serves(0x7FFF) ? "served" : "not served")}");
    return 0;
}
catch (Exception e) when (e is HypercallException or PlatformNotSupportedException)
{
    // a fault without permission, a refusal, or another system
    Console.Error.WriteLine(e.Message);
    return 1;
}
