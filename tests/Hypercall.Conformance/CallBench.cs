using System.Diagnostics;
using Hypercall.BitVisor;

namespace Hypercall.Conformance;

/// <summary>The same loop as rig/bench/call.c, through the library: call by call, and 64 frames at once.</summary>
internal static class CallBench
{
    private const int Frames = 64;

    public static int Run(string name, long calls, int rounds, TextWriter output)
    {
        IHypercallMachine machine = RealMachine.Open(RigWay.Instruction).Hardware;
        HypercallFunction function = new BitVisorClient(machine).GetFunction(name);
        HypercallRegisters[] frames = new HypercallRegisters[Frames];
        ulong sum = 0;
        for (int round = 0; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (long i = 0; i < calls; i++)
            {
                sum += function.Call((ulong)i, 2, 3, 4, 5).Rax;
            }

            double nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
            output.Write($"cs {name} {calls} calls: {nanoseconds:0.0} ns/call (sum {sum})\n");

            start = Stopwatch.GetTimestamp();
            long done = 0;
            while (done < calls)
            {
                for (int i = 0; i < Frames; i++)
                {
                    frames[i] = new HypercallRegisters
                    {
                        Rax = function.Number, Rbx = (ulong)(done + i), Rcx = 2, Rdx = 3, Rsi = 4, Rdi = 5,
                    };
                }

                HypercallStatus status = machine.Channel.TryInvokeAll(frames, out int completed);
                if (!status.IsCompleted)
                {
                    throw status.ToException();
                }

                done += completed;
                sum += frames[0].Rax;
            }

            nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds / done;
            output.Write($"many {name} {done} calls: {nanoseconds:0.0} ns/call (sum {sum})\n");
            output.Flush();
        }

        return 0;
    }
}
