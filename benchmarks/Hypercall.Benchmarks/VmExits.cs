using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Hypercall.Native;
using Hypercall.Native.Execution;
using Hypercall.Tests;

namespace Hypercall.Benchmarks;

/// <summary>
/// A call with a VM exit that needs no VMM of ours: KVM answers a hypercall instruction of user space itself, with a refusal.
/// Ours and C's by turns, in one process, for an exit's time drifts by more than what is compared; and some hundred calls only,
/// because they are the host's to answer.
/// </summary>
internal static unsafe class VmExits
{
    private const int Rounds = 10;
    private const int Calls = 16; // a round's: short enough to be over before somebody else wants the CPU
    private const ulong Refused = ulong.MaxValue; // KVM_EPERM = 1, negative: include/uapi/linux/kvm_para.h, arch/x86/kvm/x86.c

    private static readonly HypercallInstruction Vmcall = new("VMCALL", [0x0F, 0x01, 0xC1]);  // Intel SDM vol. 3C, section 31.3
    private static readonly HypercallInstruction Vmmcall = new("VMMCALL", [0x0F, 0x01, 0xD9]); // AMD APM vol. 3, VMMCALL
    private static readonly HypercallInstruction Nop = new("NOP", [0x90]);                     // Intel SDM vol. 2B, NOP

    private static HypercallRegisters s_frame;
    private static Vector256<ulong> s_sum; // somebody would use it

    /// <summary>
    /// Prints nanoseconds a call, one line for each round of each of four, or one line with the reason why nothing was measured.
    /// </summary>
    public static void Run()
    {
        CpuIdentity cpu = CpuIdentity.Read(new NativeCpuid());
        bool isAmd = cpu.Vendor is "AuthenticAMD" or "HygonGenuine";
        HypercallInstruction instruction = isAmd ? Vmmcall : Vmcall;
        if (cpu.HypervisorSignature != "KVMKVMKVM") // Documentation/virt/kvm/x86/cpuid.rst
        {
            Console.WriteLine("# there is no KVM under this system");
            return;
        }

        IHypercallChannel channel = new StubChannel(new HypercallTarget(cpu, new MadeUpProvider("Benchmark", instruction)));
        if (channel.TryInvoke(ref s_frame) is { IsCompleted: false } status)
        {
            Console.WriteLine($"# {instruction.Mnemonic} of user space ended in {status} on this host's KVM");
            return;
        }

        if (s_frame.Rax != Refused)
        {
            Console.WriteLine($"# {instruction.Mnemonic} of user space was answered with RAX = 0x{s_frame.Rax:x}, which is no refusal");
            return;
        }

        // Until the runtime has compiled for good what is measured: the same code, around an instruction that does not exit.
        IHypercallChannel nop = new StubChannel(new HypercallTarget(cpu, new MadeUpProvider("Benchmark", Nop)));
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(1);)
        {
            Call(nop, 1000);
            CallDirty(nop, 1000);
        }

        for (int round = 0; round < Rounds; round++)
        {
            Measure("Call", () => Call(channel, Calls));
            Measure("CallInC", () => CallInC(isAmd, isDirty: false));
            Measure("CallDirty", () => CallDirty(channel, Calls));
            Measure("CallDirtyInC", () => CallInC(isAmd, isDirty: true));
        }
    }

    private static void Measure(string what, Action calls)
    {
        long started = Stopwatch.GetTimestamp();
        calls();
        double nanoseconds = Stopwatch.GetElapsedTime(started).TotalNanoseconds / Calls;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}\t{nanoseconds}"));
    }

    // AggressiveOptimization is without a profile: with one, the call would be inlined into the loop, which is faster than C and
    // what no larger program has.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Call(IHypercallChannel channel, int count)
    {
        for (int i = 0; i < count; i++)
        {
            s_frame.Rax = 0;
            ThrowUnlessCompleted(channel.TryInvoke(ref s_frame));
        }
    }

    /// <summary>The same after arithmetic on 256 bits, as in C.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void CallDirty(IHypercallChannel channel, int count)
    {
        Vector256<ulong> sum = Vector256<ulong>.Zero;
        for (int i = 0; i < count; i++)
        {
            sum += Vector256.Create(s_frame.Rax);
            s_frame.Rax = 0;
            ThrowUnlessCompleted(channel.TryInvoke(ref s_frame));
        }

        s_sum = sum;
    }

    private static void CallInC(bool isAmd, bool isDirty)
    {
        fixed (HypercallRegisters* frame = &s_frame)
        {
            Peers.VmExits(frame, Calls, isAmd ? 1 : 0, isDirty ? 1 : 0);
        }
    }

    private static void ThrowUnlessCompleted(in HypercallStatus status)
    {
        if (!status.IsCompleted)
        {
            Throw(in status);
        }
    }

    [DoesNotReturn] // of its own: what it needs would be cleared in the loop, by instructions that leave upper halves in use
    private static void Throw(in HypercallStatus status) => throw new InvalidOperationException($"{status}");
}
