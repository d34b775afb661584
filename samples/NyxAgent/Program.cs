using System.Text;
using Hypercall;
using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;
using NyxAgent;

// NyxAgent [--fake]: the handshake, and three inputs for a target that only prints them.
FakeFuzzer fuzzer = new("GET /"u8.ToArray(), "POST /"u8.ToArray(), []);
ServiceCollection services = new();
services.AddHypercall(vmm => _ = args.Contains("--fake")
    ? vmm.AddFakeMachine(fuzzer.AddTo(new FakeMachine(FakeVmmPersonality.Nyx)))
    : vmm.AddIntel());
using ServiceProvider provider = services.BuildServiceProvider();
try
{
    using FuzzAgent agent = new(provider.GetRequiredService<IHypercallMachine>());
    NyxAbi.HostConfig host = agent.Shake();
    Console.WriteLine($"fuzzer: inputs of up to {host.PayloadBytes} bytes, a bitmap of {host.BitmapBytes}");
    for (int i = 0; i < 3; i++)
    {
        agent.RunOnce(input => Console.WriteLine($"input: '{Encoding.UTF8.GetString(input.Span)}'"));
    }

    return 0;
}
catch (Exception e) when (e is HypercallException or InvalidOperationException or PlatformNotSupportedException)
{
    // no VMM, another one, no fuzzer, or another system
    Console.Error.WriteLine(e.Message);
    return 1;
}
