using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests;

public sealed class FakeTraceDeterminismTests
{
    private const int Threads = 8;

    private static readonly FaultPlan Plan =
    [
        new(FakeInjectionPoint.BeforeWalk(1, 2), new FakeFault(FakeFaultKind.SwapOut)), new(FakeInjectionPoint.AfterReturn(2), new FakeFault(FakeFaultKind.Scatter, FakeTarget.Of(1, 0))),
        new(FakeInjectionPoint.BeforePage(3, 1), new FakeFault(FakeFaultKind.PageMigration, Value: 2)), new(FakeInjectionPoint.BeforeReturn(4), new FakeFault(FakeFaultKind.Clobber)),
        new(FakeInjectionPoint.BeforeEntry(5), new FakeFault(FakeFaultKind.SecondCpu)), new(FakeInjectionPoint.GuestStep(4), new FakeFault(FakeFaultKind.LockLimit)),
    ];

    [Fact]
    public async Task The_same_machine_shows_the_same_trace_byte_for_byte_on_many_threads_at_once()
    {
        string expected = Play(new FakeMachineOptions { Seed = 5, Plan = Plan, Record = true }).Vmm.Trace.ToString();
        string[] traces = await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ =>
            Task.Factory.StartNew(() => Play(new FakeMachineOptions { Seed = 5, Plan = Plan, Record = true }).Vmm.Trace.ToString(), default, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        Assert.Contains("swaps page 1 of buffer 1 out", expected, StringComparison.Ordinal);
        Assert.All(traces, trace => Assert.Equal(expected, trace));
    }

    [Fact]
    public void Another_seed_scatters_otherwise()
    {
        Assert.NotEqual(Play(new FakeMachineOptions { Seed = 5 }).Frames, Play(new FakeMachineOptions { Seed = 6 }).Frames);
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(7ul)]
    [InlineData(ulong.MaxValue)]
    public void Recording_changes_nothing_but_the_trace(ulong seed)
    {
        FakeMachineOptions options = new() { Seed = seed, Plan = Plan };
        (FakeMachine silent, ulong[] frames, List<ulong> results) = Play(options);
        (FakeMachine recording, ulong[] framesToo, List<ulong> resultsToo) = Play(options with { Record = true });

        Assert.Equal(
            silent.FaultOccurrences.Select(one => (one.Fault, one.Outcome, one.Call, one.Rule)),
            recording.FaultOccurrences.Select(one => (one.Fault, one.Outcome, one.Call, one.Rule)));
        Assert.Equal(frames, framesToo);
        Assert.Equal(results, resultsToo);
        Assert.Empty(silent.Trace.Lines);
        Assert.NotEmpty(recording.Trace.Lines);
    }

    /// <summary>
    /// A second virtual CPU and a kernel that moves pages may run at any time: no update of the guest's is lost, and nothing
    /// locks up.
    /// </summary>
    [Fact]
    public async Task Many_threads_call_allocate_touch_and_lose_pages_and_no_byte_is_lost()
    {
        FakeMachine fake = new();
        _ = fake.On("add", call =>
        {
            byte[] bytes = new byte[2 * GuestPage.Size];
            if (call.CopyFromGuest(new GuestVirtualAddress(call.Rbx), bytes, AbsentPagePolicy.InjectPageFault).IsCompleted)
            {
                for (int i = 0; i < bytes.Length; i++)
                {
                    bytes[i]++;
                }

                call.Rax = (ulong)call.CopyToGuest(new GuestVirtualAddress(call.Rbx), bytes).BytesDone;
            }
        });
        HypercallFunction add = new BitVisorClient(fake).GetFunction("add");

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (int round = 0; round < 100; round++)
                {
                    using GuestBuffer buffer = fake.Memory.Allocate(2 * GuestPage.Size, Residency.Touched);
                    buffer.Span.Fill((byte)thread);
                    fake.Memory.SwapOut(buffer, round % 2);
                    fake.Memory.MigratePage(buffer, 1 - (round % 2));
                    fake.Memory.DropMapping(buffer, 1 - (round % 2));
                    Assert.Equal(2ul * GuestPage.Size, add.Call(buffer.Address.Value).Rax);
                    Assert.True(buffer.Span.IndexOfAnyExcept((byte)(thread + 1)) < 0);
                }
            },
            default,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))).WaitAsync(LastResort.Bound);
        Assert.Null(fake.Failure);
    }

    private static (FakeMachine Vmm, ulong[] Frames, List<ulong> Results) Play(FakeMachineOptions options)
    {
        FakeMachine fake = new(options);
        _ = fake.On("sum", call => call.Rax = (ulong)call.CopyFromGuest(new GuestVirtualAddress(call.Rbx), new byte[2 * GuestPage.Size]).BytesDone)
            .On("map", call => call.Rax = call.TryMap(new GuestPhysicalAddress(call.Rbx), 8, FakeMapAccess.Read, out FakeView? view) && view.Read(0, new byte[8]) ? 1ul : 2ul);
        using GuestBuffer buffer = fake.Memory.Allocate(2 * GuestPage.Size, Residency.Touched);
        List<ulong> results = [];
        for (int i = 0; i < 3; i++)
        {
            results.Add(Call(4, buffer.Address.Value));
            buffer.Touch();
            results.Add(Call(5, new GuestFrameNumber(Frames(buffer)[0]).Address.Value));
        }

        return (fake, Frames(buffer), results);

        // A page that is just being moved is in none.
        static ulong[] Frames(GuestBuffer buffer) => buffer.TryQueryPages(out GuestPageMap? pages, out _)
            ? [.. pages.Pages.ToArray().Select(page => page.State == GuestPageState.Present ? page.Frame.Value : 0)]
            : [];

        ulong Call(ulong number, ulong rbx)
        {
            HypercallRegisters registers = new() { Rax = number, Rbx = rbx };
            fake.Channel.Invoke(ref registers);
            return registers.Rax;
        }
    }
}
