using System.Globalization;

namespace Hypercall.Native.MemoryProbe;

/// <summary>Ways down from a process with fewer rights. No machine is disposed: the process ends all the same.</summary>
internal static class WayModes
{
    /// <summary><c>--read-port PORT</c>, <c>--read-port-with-permission PORT</c> (hexadecimal), or <c>--on-cpu CPU</c>.</summary>
    public static bool TryRun(string[] args)
    {
        switch (args)
        {
            case ["--read-port", string port]:
                Tell(new NativeMachine([new PortProvider(Port(port), width: 1)]));
                return true;
            case ["--read-port-with-permission", string port]:
                PortProvider provider = new(Port(port), width: 1, withPermission: true);
                HypercallOptions named = new() { Provider = provider.Name }; // opened whatever the probe says
                NativeMachine machine = new([provider], named);
                Console.WriteLine($"probe: {provider.Probe(machine.Cpuid)}");
                Tell(machine);
                return true;
            case ["--on-cpu", string cpu]:
                NativeMachine all = new([new CpuidProvider()]);
                try
                {
                    Tell(all.OnCpu(int.Parse(cpu, CultureInfo.InvariantCulture)));
                }
                catch (HypercallRefusedException e)
                {
                    Console.WriteLine($"status: refused at once\nmessage: {e.Message}\nerrno: {e.Refusal.ErrorCode}");
                }

                return true;
            default:
                return false;
        }
    }

    private static ushort Port(string text) => ushort.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static void Tell(IHypercallMachine machine)
    {
        HypercallRegisters registers = default;
        HypercallStatus status = machine.Channel.TryInvoke(ref registers);
        string how = status.IsCompleted ? "completed" : status.IsRefused ? "refused" : status.Fault.Mnemonic;
        Console.WriteLine($"status: {how}");
        Console.WriteLine($"message: {(status.IsCompleted ? "none" : status.ToException().Message)}");
        Console.WriteLine($"errno: {status.Refusal?.ErrorCode ?? 0}");
    }
}
