using System.Runtime.CompilerServices;
using Hypercall.Native.Execution;

namespace Hypercall.Native.FaultStress;

/// <summary>Many threads, half of whose calls fault, under a garbage collector that never rests.</summary>
internal static class StressMode
{
    /// <summary>One call that the JIT cannot inline: it does not know the type.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int CallOnce(IHypercallChannel channel)
    {
        HypercallRegisters registers = default;
        return channel.TryInvoke(ref registers).IsCompleted && registers.Rax == 1 ? 0 : 1;
    }

    public static int Run(string[] args)
    {
        int threads = 8;
        int calls = 100_000;
        for (int i = 0; i + 1 < args.Length; i += 2)
        {
            switch (args[i])
            {
                case "--threads": threads = int.Parse(args[i + 1]); break;
                case "--calls": calls = int.Parse(args[i + 1]); break;
                default: return 2;
            }
        }

        long completed = 0, invalid = 0, privileged = 0, nulls = 0, wrong = 0;
        using ManualResetEventSlim start = new();
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(id => new Thread(() =>
        {
            start.Wait(); // so that channels, too, are made by all at once
            Tally tally = Work(id, calls);
            _ = Interlocked.Add(ref completed, tally.Completed);
            _ = Interlocked.Add(ref invalid, tally.Invalid);
            _ = Interlocked.Add(ref privileged, tally.Privileged);
            _ = Interlocked.Add(ref nulls, tally.Nulls);
            _ = Interlocked.Add(ref wrong, tally.Wrong);
        }))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }

        bool isOver = false;
        int collections = 0;
        Thread collector = new(() =>
        {
            do
            {
                GC.Collect(collections++ % 3);
                Thread.SpinWait(2_000); // without a breath in between, hardly a thread runs that is not the collector's
            }
            while (!Volatile.Read(ref isOver));
        });
        collector.Start();
        start.Set();
        foreach (Thread worker in workers)
        {
            worker.Join();
        }

        Volatile.Write(ref isOver, true);
        collector.Join();
        long expectedFaults = threads * (long)(calls / 2);
        bool isRight = wrong == 0 && completed + expectedFaults == threads * (long)calls && invalid + privileged == expectedFaults
            && nulls == threads * (long)((calls + 63) / 64);
        Console.WriteLine(
            $"{threads} threads x {calls} calls: {completed} completed, {invalid} #UD, {privileged} #GP, {nulls} NullReferenceExceptions, "
            + $"{wrong} wrong; {collections} collections; {(isRight ? "all as expected" : "NOT AS EXPECTED")}");
        return isRight ? 0 : 1;
    }

    private static Tally Work(int id, int calls)
    {
        StubChannel increment = Stubs.IncrementRax();
        StubChannel invalid = Stubs.InvalidOpcode();
        StubChannel privileged = Stubs.Privileged();
        Tally tally = new();
        for (int i = 0; i < calls; i++)
        {
            ulong seed = ((ulong)id << 32) | (uint)i;
            HypercallRegisters registers = new() { Rax = seed, Rbx = ~seed, Rbp = seed * 3, Rsi = 7, Rdi = 8, R8 = seed + 1, R15 = seed ^ 0xFFFF };
            HypercallRegisters expected = registers;
            switch (i % 4)
            {
                case 1:
                    Count(ref tally.Invalid, ref tally.Wrong, invalid.TryInvoke(ref registers), CpuFaultKind.InvalidOpcode);
                    break;
                case 3:
                    Count(ref tally.Privileged, ref tally.Wrong, privileged.TryInvoke(ref registers), CpuFaultKind.GeneralProtection);
                    break;
                default:
                    expected.Rax++;
                    Count(ref tally.Completed, ref tally.Wrong, increment.TryInvoke(ref registers), CpuFaultKind.None);
                    break;
            }

            tally.Wrong += registers == expected ? 0 : 1;
            if (i % 64 == 0)
            {
                tally.Nulls += CatchNullReference(null) ? 1 : 0;
            }

            if (i % 256 == 0)
            {
                _ = new byte[1024]; // something to collect
            }
        }

        return tally;
    }

    private static void Count(ref long right, ref long wrong, in HypercallStatus status, CpuFaultKind expected)
    {
        if (status.Fault.Kind == expected)
        {
            right++;
        }
        else
        {
            wrong++;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static bool CatchNullReference(string? nothing)
    {
        try
        {
            return nothing!.Length < 0;
        }
        catch (NullReferenceException)
        {
            return true;
        }
    }

    private struct Tally
    {
        public long Completed;
        public long Invalid;
        public long Privileged;
        public long Nulls;
        public long Wrong;
    }
}
