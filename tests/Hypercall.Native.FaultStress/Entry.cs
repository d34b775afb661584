using Hypercall.Native.Execution;
using Hypercall.Native.Guard;
using Hypercall.Tests;

namespace Hypercall.Native.FaultStress;

/// <summary>
/// What a host asks of a copy of the library: another AssemblyLoadContext by reflection, a C program by <see cref="Exports"/>.
/// </summary>
internal static class Entry
{
    /// <summary>Makes a call that faults: 0 for an invalid opcode, 1 for a load from a bad address.</summary>
    /// <returns>The kind of fault, -1 for a typed error, which is printed.</returns>
    public static int Fault(int which)
    {
        try
        {
            HypercallRegisters registers = new() { Rax = 16 };
            StubChannel channel = which == 0 ? Stubs.InvalidOpcode() : Stubs.LoadFromRax();
            return (int)channel.TryInvoke(ref registers).Fault.Kind;
        }
        catch (Exception exception) when (exception is PlatformNotSupportedException or ExecutableMemoryException)
        {
            Console.WriteLine($"{exception.GetType().Name}: {exception.Message}");
            return -1;
        }
    }

    /// <summary>Makes a NullReferenceException of the runtime's own fault.</summary>
    public static int Null() => StressMode.CatchNullReference(null) ? 42 : 0;

    /// <summary>Waits until the next call looks after the guard.</summary>
    public static void WaitForLook()
    {
        if (!SpinWait.SpinUntil(() => !FaultGuard.IsTrusted, LastResort.Bound))
        {
            throw new InvalidOperationException("The guard trusts its handler for ever.");
        }
    }

    public static int Stress(int threads, int calls) => StressMode.Run(["--threads", $"{threads}", "--calls", $"{calls}"]);
}
