using System.Runtime.InteropServices;
using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.FaultStress;

/// <summary>What takes the guard away, and what stands in the way of making a stub.</summary>
internal static class RepairModes
{
    public static int SurviveSignalRegistration()
    {
        PosixSignal illegal = (PosixSignal)Libc.SigIll; // positive values are the system's own numbers
        HypercallRegisters registers = default;
        for (int round = 0; round < 4; round++)
        {
            // Made before the guard in the first round, before its next generation in the others.
            PosixSignalRegistration registration = PosixSignalRegistration.Create(illegal, _ => { });
            StubChannel channel = Stubs.InvalidOpcode();
            Expect(channel.TryInvoke(ref registers));
            registration.Dispose();
            if (round % 2 == 0)
            {
                channel = Stubs.InvalidOpcode(); // looks at once
            }
            else
            {
                // The same channel looks by itself, once its trust has ended.
                Entry.WaitForLook();
            }

            Expect(channel.TryInvoke(ref registers));
        }

        // A fault elsewhere still ends somewhere: no handler of ours leads back to itself.
        Console.WriteLine("the guard is back");
        return CrashModes.CrashElsewhere("ud2", isGuarded: false);
    }

    public static int MakeStubWithoutExecGain()
    {
        if (Machine.ProcessControl(Machine.PrSetMdwe, Machine.PrMdweRefuseExecGain, 0, 0, 0) != 0)
        {
            Console.WriteLine($"prctl(PR_SET_MDWE) is refused here: error {Marshal.GetLastPInvokeError()}");
            return 3;
        }

        HypercallRegisters registers = new() { Rax = 41 };
        if (!Stubs.IncrementRax().TryInvoke(ref registers).IsCompleted || registers.Rax != 42)
        {
            return 1;
        }

        Expect(Stubs.InvalidOpcode().TryInvoke(ref registers));
        string[] maps = [.. File.ReadLines("/proc/self/maps").Where(line => line.Contains("memfd:hypercall", StringComparison.Ordinal))];
        // 2 stubs, 3 handlers; VectorState may have one.
        bool isRight = maps.Length >= 5 && maps.All(line => line.Contains(" r-xp ", StringComparison.Ordinal));
        Console.WriteLine($"{maps.Length} pages made by memory file, {(isRight ? "all r-x" : "NOT AS EXPECTED")}");
        return isRight ? 0 : 1;
    }

    private static void Expect(in HypercallStatus status)
    {
        if (status.Fault.Kind != CpuFaultKind.InvalidOpcode)
        {
            throw new InvalidOperationException($"Expected #UD, got {status}.");
        }
    }
}
