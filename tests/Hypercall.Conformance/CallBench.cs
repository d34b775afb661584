using System.Diagnostics;
using Hypercall.BitVisor;

namespace Hypercall.Conformance;

/// <summary>The same loop as rig/bench/call.c, through the library.</summary>
internal static class CallBench
{
    public static int Run(string name, long calls, int rounds, TextWriter output)
    {
        HypercallFunction function = new BitVisorClient(RealMachine.Open().Hardware).GetFunction(name);
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
            output.Flush();
        }

        return 0;
    }
}
