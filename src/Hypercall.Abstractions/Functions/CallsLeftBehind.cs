using System.Runtime.CompilerServices;

namespace Hypercall;

/// <summary>How many calls of a machine are left behind in the VMM.</summary>
internal sealed class CallsLeftBehind
{
    // A machine is known by its memory: other channels to the same VMM share it.
    private static readonly ConditionalWeakTable<IGuestMemory, CallsLeftBehind> Machines = [];

    private int _count;

    public int Count => Volatile.Read(ref _count);

    public static CallsLeftBehind Of(IGuestMemory memory) => Machines.GetOrCreateValue(memory);

    public int Add() => Interlocked.Increment(ref _count);

    public void Remove() => Interlocked.Decrement(ref _count);
}
