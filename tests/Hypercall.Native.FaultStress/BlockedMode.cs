using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.FaultStress;

/// <summary>Threads that block the signals of faults.</summary>
internal static unsafe class BlockedMode
{
    public static int Run()
    {
        StubChannel channel = Stubs.InvalidOpcode();
        int wrong = 0;
        Thread thread = new(() =>
        {
            Block();
            Expect("before its first call");
            Block();
            Entry.WaitForLook();
            Expect("after a call, before the next look");
            Expect("and again");
        });
        thread.Start();
        thread.Join();
        Console.WriteLine(wrong == 0 ? "each call had a result" : $"{wrong} WRONG");
        return wrong;

        void Expect(string when)
        {
            HypercallRegisters registers = default;
            CpuFaultKind kind = channel.TryInvoke(ref registers).Fault.Kind;
            Console.WriteLine($"blocked {when}: {kind}");
            wrong += kind == CpuFaultKind.InvalidOpcode ? 0 : 1;
        }

        static void Block()
        {
            Libc.SignalSet all = new() { Signals = ulong.MaxValue };
            if (Libc.SignalMask(Libc.SigBlock, &all, null) != 0)
            {
                throw new InvalidOperationException($"sigprocmask: {Libc.LastError}");
            }
        }
    }
}
