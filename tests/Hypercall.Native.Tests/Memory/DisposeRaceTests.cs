using System.Runtime.CompilerServices;
using Hypercall.BitVisor;

namespace Hypercall.Native.Tests.Memory;

/// <summary>
/// Dispose against calls that use the address, from four threads, with the garbage collector and finalizers running.
/// </summary>
[Collection(WholeMachine.Name)]
public sealed class DisposeRaceTests
{
    private const int Threads = 4;

    [Theory]
    [InlineData(Residency.Touched)]
    [InlineData(Residency.Locked)]
    [InlineData(Residency.Pinned)]
    public async Task No_address_outlives_its_buffer_however_calls_and_dispose_race(Residency residency)
    {
        Host.NeedsLinux();
        if (residency == Residency.Pinned)
        {
            Host.NeedsToPin(64 << 20); // the kernel unpins a little later than it says
        }

        NativeGuestMemory memory = new();
        CheckingVmm vmm = new();
        HypercallFunction function = new BitVisorClient(new MadeUpMachine(vmm, memory)).GetFunction("fill");
        long locked = Host.SettledLockedBytes();
        long calls = 0;
        for (int round = 0; round < 200; round++)
        {
            GuestBuffer buffer = memory.Allocate(20_000, residency);
            buffer.Span.Fill(CheckingVmm.Mark);
            using Barrier start = new(Threads + 1);
            Task[] callers = [.. Enumerable.Range(0, Threads).Select(caller => Task.Factory.StartNew(
                () =>
                {
                    start.SignalAndWait();
                    try
                    {
                        for (int i = 0; i < 20; i++)
                        {
                            _ = function.Transfer(buffer, Passing.Virtual, Direction.Both, TransferRule.CompletedMeansAll);
                            _ = Interlocked.Increment(ref calls);
                        }
                    }
                    catch (ObjectDisposedException)
                    {
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default))];
            start.SignalAndWait();
            if (round % 10 == 0)
            {
                Abandon(memory, residency);
                GC.Collect();
            }

            buffer.Dispose();
            await Task.WhenAll(callers).WaitAsync(LastResort.Bound); // or calls and Dispose hold each other
        }

        Assert.Equal(0, vmm.Wrong);
        Assert.True(calls > 0);
        Host.Until(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return LinuxProcess.LockedBytes <= locked;
            },
            "everything was unlocked");

        [MethodImpl(MethodImplOptions.NoInlining)] // or the frame of the test keeps it alive
        static void Abandon(NativeGuestMemory memory, Residency residency) => _ = memory.Allocate(100, residency);
    }

    [Fact]
    public async Task Windows_opened_and_closed_by_four_threads_over_the_same_pages_leave_none_locked()
    {
        Host.NeedsLinux();
        NativeGuestMemory memory = new();
        using Scratch scratch = new(32);
        GuestBufferOptions locked = new() { Residency = Residency.Locked };
        Task[] workers = [.. Enumerable.Range(0, Threads).Select(seed => Task.Factory.StartNew(
            () =>
            {
                Random random = new(seed);
                for (int i = 0; i < 300; i++)
                {
                    int offset = random.Next(0, (int)scratch.Length - 1);
                    using GuestBuffer window = memory.OpenWindow(scratch.Address + offset, random.Next(1, (int)scratch.Length - offset), locked);
                    Assert.Equal(Residency.Locked, window.Residency);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        await Task.WhenAll(workers).WaitAsync(LastResort.Bound); // or windows hold each other
        Assert.DoesNotContain(true, Host.LockedPages(scratch.Start, 32));
    }

    /// <summary>
    /// A VMM that reads and writes every page that it is given, and counts bytes that are not what the buffer held: freed memory,
    /// or somebody else's.
    /// </summary>
    private sealed unsafe class CheckingVmm : IHypercallChannel
    {
        public const byte Mark = 0x5A;
        private long _wrong;

        public long Wrong => Interlocked.Read(ref _wrong);

        public HypercallStatus TryInvoke(ref HypercallRegisters registers)
        {
            if (registers.Rax == 0)
            {
                registers.Rax = BitVisorClient.MaxFunctionNumber;
                return HypercallStatus.Completed;
            }

            Span<byte> data = new((void*)registers.Rbx, (int)registers.Rcx);
            _ = Interlocked.Add(ref _wrong, data.Length - data.Count(Mark));
            _ = Thread.Yield(); // the moment in which a Dispose that does not wait would free the memory
            _ = Interlocked.Add(ref _wrong, data.Length - data.Count(Mark));
            return HypercallStatus.Completed;
        }
    }
}
