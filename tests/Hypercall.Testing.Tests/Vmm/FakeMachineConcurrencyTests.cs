using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests;

public sealed class FakeMachineConcurrencyTests
{
    private const int Threads = 8;

    [Fact]
    public async Task Calls_of_many_threads_keep_their_registers_apart_and_all_are_counted()
    {
        const int CallsEach = 20_000;
        FakeMachine fake = new FakeMachine().On("add", call => call.Rax = call.Rbx + call.Rcx);
        HypercallFunction add = new BitVisorClient(fake).GetFunction("add");
        long before = fake.Calls;

        await Run(thread =>
        {
            for (ulong i = 0; i < CallsEach; i++)
            {
                Assert.Equal(((ulong)thread << 32) + i, add.Call((ulong)thread << 32, i).Rax);
            }
        });

        Assert.Equal(Threads * CallsEach, fake.Calls - before);
    }

    [Fact]
    public async Task Handlers_of_calls_that_overlap_run_at_the_same_time()
    {
        using Barrier barrier = new(2);
        HypercallFunction meet = new BitVisorClient(new FakeMachine().On("meet", call => call.Rax = barrier.SignalAndWait(LastResort.Bound) ? 1ul : 0)).GetFunction("meet");

        ulong[] met = await Task.WhenAll(
            Task.Factory.StartNew(() => meet.Call().Rax, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default),
            Task.Factory.StartNew(() => meet.Call().Rax, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))
            .WaitAsync(LastResort.Bound);

        Assert.Equal([1ul, 1ul], met);
    }

    [Fact]
    public async Task Registering_while_calls_run_loses_no_function_and_disturbs_no_call()
    {
        const int Rounds = 50, Each = 15; // 8 x 15 and the 4 others fit into 127 numbers
        for (int round = 0; round < Rounds; round++)
        {
            FakeMachine fake = new FakeMachine().On("steady", call => call.Rax = 42);
            HypercallFunction steady = new BitVisorClient(fake).GetFunction("steady");
            using Barrier start = new(Threads);

            await Run(thread =>
            {
                _ = start.SignalAndWait(LastResort.Bound);
                for (int i = 0; i < Each; i++)
                {
                    ulong expected = (ulong)((thread * Each) + i);
                    _ = fake.On($"{expected}", call => call.Rax = expected);
                    Assert.Equal(42ul, steady.Call().Rax);
                }
            });

            BitVisorClient vmm = new(fake);
            for (ulong i = 0; i < Threads * Each; i++)
            {
                Assert.Equal(i, vmm.GetFunction($"{i}").Call().Rax);
            }
        }
    }

    [Fact]
    public async Task Buffers_of_many_threads_come_and_go_while_the_VMM_reads_them()
    {
        FakeMachine fake = new FakeMachine().On("sum", call =>
        {
            Span<byte> bytes = stackalloc byte[100];
            ulong sum = 0;
            if (call.TryReadVirtual(new GuestVirtualAddress(call.Rbx), bytes, out _))
            {
                foreach (byte b in bytes)
                {
                    sum += b;
                }
            }

            call.Rax = sum;
        });
        HypercallFunction sum = new BitVisorClient(fake).GetFunction("sum");

        await Run(thread =>
        {
            for (int i = 0; i < 2_000; i++)
            {
                using GuestBuffer buffer = fake.Memory.Allocate(GuestPage.Size + 50, Residency.Touched);
                buffer.Span[(GuestPage.Size - 50)..].Fill((byte)(thread + 1));
                ulong address = buffer.Address.Value + GuestPage.Size - 50;
                Assert.Equal(100ul * (ulong)(thread + 1), sum.Call(address).Rax);
                fake.Memory.SwapOut(buffer, 1);
                Assert.Equal(0ul, sum.Call(address).Rax);
                buffer.Touch();
                Assert.Equal(100ul * (ulong)(thread + 1), sum.Call(address).Rax);
            }
        });

        Assert.Equal(0, fake.Memory.LockedBytes);
    }

    private static Task Run(Action<int> body) => Task.WhenAll(Enumerable.Range(0, Threads).Select(thread =>
        Task.Factory.StartNew(() => body(thread), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))).WaitAsync(LastResort.Bound);
}
