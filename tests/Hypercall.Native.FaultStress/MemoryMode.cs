using Hypercall.BitVisor;
using Hypercall.Tests;

namespace Hypercall.Native.FaultStress;

/// <summary>
/// What Windows gives: memory that is locked and passed by virtual address, and a clear no to everything physical.
/// </summary>
internal static class MemoryMode
{
    private const int Length = 40_000;

    public static int Run()
    {
        NativeGuestMemory memory = new();
        BitVisorClient vmm = new(new MadeUpMachine(new UpperCaser(), memory));
        HypercallFunction upper = vmm.GetFunction("upper");

        using (GuestBuffer locked = memory.Allocate(Length, Residency.Locked))
        {
            locked.Span.Fill((byte)'a');
            Check(upper.Transfer(locked, Passing.Virtual, Direction.Both, TransferRule.CompletedMeansAll).IsCompleted, "passed by virtual address");
            Check(!locked.Span.ContainsAnyExcept((byte)'A'), "and changed by the other side");

            foreach (Passing passing in Passing.All.Where(passing => passing != Passing.Virtual))
            {
                Check(
                    upper.TryTransfer(locked, passing, Direction.ToVmm, TransferRule.CompletedMeansAll).Refusal?.Reason == GuestMemoryRefusalReason.PlatformNotSupported,
                    $"{passing} refused");
            }

            try
            {
                _ = upper.Transfer(locked, Passing.FrameList, Direction.ToVmm, TransferRule.CompletedMeansAll);
                Check(false, "FrameList throws");
            }
            catch (PlatformNotSupportedException e)
            {
                Console.WriteLine(e.Message);
            }
        }

        Check(!memory.TryAllocate(Length, GuestBufferOptions.Default, out _, out GuestMemoryRefusal? refusal)
            && refusal.Reason == GuestMemoryRefusalReason.PlatformNotSupported, "pinned refused");
        using (GuestBuffer fallback = memory.Allocate(Length, new GuestBufferOptions { AllowFallback = true }))
        {
            Check(fallback.Residency == Residency.Locked, "a fallback to pinned is locked");
        }

        byte[] array = GC.AllocateArray<byte>(Length, pinned: true);
        using (GuestBuffer window = memory.OpenWindow(array.AsMemory(5), new GuestBufferOptions { Residency = Residency.Locked }))
        {
            window.Span.Fill((byte)'b');
            Check(upper.Transfer(window, Passing.Virtual, Direction.Both, TransferRule.CompletedMeansAll).IsCompleted && array[4] == 0 && array[5] == 'B', "a window onto an array");
        }

        for (int i = 0; i < 1_000; i++)
        {
            memory.Allocate(Length, Residency.Locked).Dispose();
        }

        Console.WriteLine("memory is as it should be");
        return 0;
    }

    private static void Check(bool isRight, string what)
    {
        if (!isRight)
        {
            Console.WriteLine($"WRONG: {what}");
            Environment.Exit(1);
        }
    }

    /// <summary>Answers look-ups, and makes letters large where it is told to, by their virtual address.</summary>
    private sealed class UpperCaser : IHypercallChannel
    {
        public unsafe HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            if (registers.Rax == 0)
            {
                registers.Rax = 5;
                return HypercallStatus.Completed;
            }

            foreach (ref byte letter in new Span<byte>((void*)registers.Rbx, (int)registers.Rcx))
            {
                letter = (byte)char.ToUpperInvariant((char)letter);
            }

            return HypercallStatus.Completed;
        }
    }
}
