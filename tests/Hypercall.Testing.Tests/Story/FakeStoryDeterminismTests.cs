using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests;

public sealed class FakeStoryDeterminismTests
{
    private const int Threads = 8;

    private static readonly FaultPlan Plan =
    [
        new(FakeMoment.BeforeWalk(1, 2), new FakeFault(FakeFaultKind.SwapOut)), new(FakeMoment.AfterReturn(2), new FakeFault(FakeFaultKind.Scatter, FakeTarget.Of(1, 0))),
        new(FakeMoment.BeforePage(3, 1), new FakeFault(FakeFaultKind.Migrate, Value: 2)), new(FakeMoment.BeforeReturn(4), new FakeFault(FakeFaultKind.Clobber)),
        new(FakeMoment.BeforeEntry(5), new FakeFault(FakeFaultKind.SecondCpu)), new(FakeMoment.GuestStep(4), new FakeFault(FakeFaultKind.LockLimit)),
    ];

    [Fact]
    public async Task The_same_machine_tells_the_same_story_byte_for_byte_on_many_threads_at_once()
    {
        string expected = Play(new FakeVmmOptions { Seed = 5, Plan = Plan, Record = true }).Vmm.Story.ToString();
        string[] stories = await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ =>
            Task.Factory.StartNew(() => Play(new FakeVmmOptions { Seed = 5, Plan = Plan, Record = true }).Vmm.Story.ToString(), default, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        Assert.Contains("swaps page 1 of buffer 1 out", expected, StringComparison.Ordinal);
        Assert.All(stories, story => Assert.Equal(expected, story));
    }

    [Fact]
    public void Another_seed_scatters_otherwise()
    {
        Assert.NotEqual(Play(new FakeVmmOptions { Seed = 5 }).Frames, Play(new FakeVmmOptions { Seed = 6 }).Frames);
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(7ul)]
    [InlineData(ulong.MaxValue)]
    public void Recording_changes_nothing_but_the_story(ulong seed)
    {
        FakeVmmOptions options = new() { Seed = seed, Plan = Plan };
        (FakeVmm silent, ulong[] frames, List<ulong> results) = Play(options);
        (FakeVmm recording, ulong[] framesToo, List<ulong> resultsToo) = Play(options with { Record = true });

        Assert.Equal(silent.Strikes, recording.Strikes);
        Assert.Equal(frames, framesToo);
        Assert.Equal(results, resultsToo);
        Assert.Empty(silent.Story.Lines);
        Assert.NotEmpty(recording.Story.Lines);
    }

    /// <summary>A second virtual CPU and a kernel that moves pages may run at any time: no update of the guest's is lost, and nothing locks up.</summary>
    [Fact]
    public async Task Many_threads_call_allocate_touch_and_lose_pages_and_no_byte_is_lost()
    {
        FakeVmm fake = new();
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
        VmmFunction add = new Vmm(fake).GetFunction("add");

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (int round = 0; round < 100; round++)
                {
                    using GuestBuffer buffer = fake.Memory.Allocate(2 * GuestPage.Size, Residency.Touched);
                    buffer.Span.Fill((byte)thread);
                    fake.Memory.SwapOut(buffer, round % 2);
                    fake.Memory.Move(buffer, 1 - (round % 2));
                    fake.Memory.DropMapping(buffer, 1 - (round % 2));
                    Assert.Equal(2ul * GuestPage.Size, add.Call(rbx: buffer.Address.Value).Rax);
                    Assert.True(buffer.Span.IndexOfAnyExcept((byte)(thread + 1)) < 0);
                }
            },
            default,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))).WaitAsync(LastResort.Bound);
        Assert.Null(fake.Failure);
    }

    private static (FakeVmm Vmm, ulong[] Frames, List<ulong> Results) Play(FakeVmmOptions options)
    {
        FakeVmm fake = new(options);
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
