using BenchmarkDotNet.Attributes;
using Hypercall.Native;

namespace Hypercall.Benchmarks;

/// <summary>Getting 2 MiB that stay where they are, and giving them back.</summary>
public class PinBenchmarks
{
    private const int Length = 2 << 20;
    private const int Times = 16;

    private readonly NativeGuestMemory _memory = new();

    [Benchmark(OperationsPerInvoke = Times)]
    public void AllocatePinned()
    {
        for (int i = 0; i < Times; i++)
        {
            _memory.Allocate(Length, Residency.Pinned).Dispose();
        }
    }

    [Benchmark(OperationsPerInvoke = Times)]
    public void MapAndLockInC() => Peers.Check(Peers.MapAndLock(Length, Times));
}
