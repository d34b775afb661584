using System.Runtime.CompilerServices;
using Hypercall.Native.Execution;
using Hypercall.Native.Interop;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Hypercall.Native.FaultStress;

/// <summary>Ways to die that the guard must leave as they are.</summary>
internal static unsafe class CrashModes
{
    public static int CrashElsewhere(string kind, bool isGuarded)
    {
        Guard(isGuarded);
        Assembler code = new(64);
        if (kind == "ud2")
        {
            code.ud2();
        }
        else
        {
            code.xor(eax, eax);
            code.mov(__[rax], rax);
        }

        // In the same place of a page as a stub's instruction, so that only the page tells them apart.
        byte[] bytes = [.. Enumerable.Repeat((byte)0x90, StubLayout.Instruction), .. StubAssembler.Encode(code)];
        nint page = new CodeArena(CodePages.Current, 1, "test pages").Add(_ => bytes);
        Console.WriteLine("dies of a fault outside the stub");
        ((delegate* unmanaged<void>)(page + StubLayout.Instruction))();
        return Survived();
    }

    public static int RaiseFromOutside(int signal, bool isGuarded)
    {
        Guard(isGuarded);
        Console.WriteLine($"dies of signal {signal}, which was sent");

        // This is the main thread, which the kernel prefers: the signal is delivered before the call returns.
        _ = Machine.Kill(Environment.ProcessId, signal);
        return Survived();
    }

    public static int PassBadFrame()
    {
        Assembler code = new(64);
        code.mov(eax, 231); // exit_group
        code.mov(edi, 42);
        code.syscall();
        nint handler = new CodeArena(CodePages.Current, 1, "test pages").Add(_ => StubAssembler.Encode(code));
        Libc.SignalActionRecord action = default;
        action.Handler = handler;
        action.Flags = Libc.SaSigInfo;
        if (Libc.SignalAction(Libc.SigSegv, &action, null) != 0)
        {
            return 1;
        }

        StubChannel channel = Stubs.IncrementRax();
        HypercallRegisters good = default;
        if (!channel.TryInvoke(ref good).IsCompleted)
        {
            return 1;
        }

        Console.WriteLine("exits 42, by the handler before the guard");
        _ = channel.TryInvoke(ref Unsafe.AsRef<HypercallRegisters>((void*)0x10));
        return Survived();
    }

    /// <summary>Installs the guard, and shows that it works.</summary>
    private static void Guard(bool isGuarded)
    {
        if (!isGuarded)
        {
            return;
        }

        HypercallRegisters registers = default;
        if (Stubs.InvalidOpcode().TryInvoke(ref registers).Fault.Kind != CpuFaultKind.InvalidOpcode)
        {
            throw new InvalidOperationException("The guard does not work.");
        }
    }

    private static int Survived()
    {
        Console.WriteLine("survived");
        return 0;
    }
}
