using Hypercall;
using Hypercall.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NSubstitute;

namespace VmmWatch.Tests;

/// <summary>The service that polls, under a clock that the test moves.</summary>
public class WatcherTests
{
    [Fact]
    public async Task It_polls_at_once_and_then_once_a_period()
    {
        FakeMachine vmm = new FakeMachine().On("exits", call => call.Rax = 1000);
        await using TestWatch watch = new(vmm);
        await watch.StartAsync();
        Assert.Equal(1, watch.Snapshot.Polls);
        await watch.PollAsync(times: 3);
        Assert.Equal(4, watch.Snapshot.Polls);
        Assert.Equal(1000ul, watch.Snapshot.LastValue);
    }

    [Fact]
    public async Task A_change_is_logged_once_and_not_at_every_poll()
    {
        FakeMachine vmm = new FakeMachine().On("exits", call => call.Rax = 1000);
        await using TestWatch watch = new(vmm);
        await watch.StartAsync();
        await watch.PollAsync(times: 2);
        _ = vmm.On("exits", _ => { });
        await watch.PollAsync(times: 3);
        _ = vmm.On("exits", call => call.Rax = 2000);
        await watch.PollAsync(times: 2);
        await watch.StopAsync();

        Assert.Equal([1, 10, 12, 11, 2], watch.Changes.Select(record => record.Event));
        Assert.Equal("'exits' answers; the first value is 1000.", watch.Changes[1].Message);
        Assert.Equal(LogLevel.Warning, watch.Changes[2].Level);
        Assert.Equal("exits, poll 4", watch.Changes[2].Scope);
        Assert.Equal("'exits' answers again; polls without an answer: 3; the value is 2000.", watch.Changes[3].Message);
        Assert.Equal("Stopped after 8 polls.", watch.Changes[4].Message);
    }

    public static TheoryData<string, PollOutcome, string> Faults => new()
    {
        { "none", PollOutcome.Faulted, "faulted" },
        { "kvm", PollOutcome.ForeignVmm, "foreign_vmm" },
        { "deaf", PollOutcome.NotFound, "not_found" },
        { "removed", PollOutcome.NotFound, "not_found" },
        { "refuses", PollOutcome.Refused, "refused" },
        { "faults", PollOutcome.Faulted, "faulted" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Each_outcome_is_told_apart_and_counted(string what, PollOutcome outcome, string tag)
    {
        FakeMachine vmm = new FakeMachine().On("exits", call => call.Rax = 1000);
        await using TestWatch watch = new(vmm);
        await watch.StartAsync();
        switch (what)
        {
            case "removed":
                _ = vmm.Remove("exits");
                break;
            case "refuses":
                _ = vmm.On("exits", _ => { });
                break;
            case "faults":
                _ = vmm.On("exits", call => call.InjectPageFault(new GuestVirtualAddress(0), isWrite: false));
                break;
            default:
                vmm.Personality = FakeVmmPersonality.All.Single(one => one.Name.Equals(what, StringComparison.OrdinalIgnoreCase));
                break;
        }

        await watch.PollAsync(times: 2);

        Assert.Equal(outcome, watch.Snapshot.Last!.Outcome);
        Assert.NotEmpty(watch.Snapshot.Last.Message);
        (double, string)[] polls = [(1, "vmmwatch.outcome=answered"), (1, $"vmmwatch.outcome={tag}"), (1, $"vmmwatch.outcome={tag}")];
        Assert.Equal(polls, watch.Measured("vmmwatch.polls"));
        Assert.Equal(polls.Select(poll => poll.Item2), watch.Measured("vmmwatch.poll.duration").Select(measured => measured.Tag));
    }

    [Fact]
    public async Task The_gauges_show_the_last_value_and_the_failures_since()
    {
        FakeMachine vmm = new FakeMachine(FakeVmmPersonality.None).On("exits", call => call.Rax = ulong.MaxValue);
        await using TestWatch watch = new(vmm);
        await watch.StartAsync();
        Assert.Empty(watch.Measured("vmmwatch.value")); // nothing is not 0
        Assert.Equal((1, ""), watch.Measured("vmmwatch.consecutive_failures")[^1]);

        vmm.Personality = FakeVmmPersonality.BitVisor;
        await watch.PollAsync();
        Assert.Equal((-1, ""), Assert.Single(watch.Measured("vmmwatch.value")));
        Assert.Equal((0, ""), watch.Measured("vmmwatch.consecutive_failures")[^1]);
    }

    [Fact]
    public async Task The_librarys_own_meter_counts_the_instructions()
    {
        await using TestWatch watch = new(new FakeMachine().On("exits", call => call.Rax = 1000));
        await watch.StartAsync();
        Assert.Equal(2, watch.Measured("hypercall.calls").Count); // a look-up and a call
        Assert.Equal(2, watch.Measured("hypercall.duration").Count);
    }

    [Fact]
    public async Task Numbers_are_looked_up_anew_when_the_guest_was_moved_to_another_VMM()
    {
        FakeMachine vmm = new FakeMachine().On("exits", call => call.Rax = 1000);
        await using TestWatch watch = new(vmm);
        await watch.StartAsync();
        _ = vmm.Remove("exits").On("other", call => call.Rax = 77).On("exits", call => call.Rax = 2000); // "other" has the number now
        await watch.PollAsync();
        Assert.Equal(2000ul, watch.Snapshot.LastValue);
    }

    [Fact]
    public async Task Arguments_go_over_in_their_registers()
    {
        await using TestWatch watch = new(
            new FakeMachine().On("mix", call => call.Rax = call.Rbx + (10 * call.Rcx) + (100 * call.Rdx) + (1000 * call.Rsi) + (10000 * call.Rdi)),
            "Vmm:Function=mix", "Vmm:Arguments:0=1", "Vmm:Arguments:1=2", "Vmm:Arguments:2=3", "Vmm:Arguments:3=4", "Vmm:Arguments:4=5");
        await watch.StartAsync();
        Assert.Equal(54321ul, watch.Snapshot.LastValue);
    }

    [Fact]
    public async Task A_machine_that_cannot_make_the_call_is_an_outcome_and_not_the_end()
    {
        IHypercallMachine machine = Substitute.For<IHypercallMachine>();
        _ = machine.Channel.Returns(_ => throw new PlatformNotSupportedException("Not on this CPU."));
        await using TestWatch watch = new(services => services.AddHypercall(vmm => vmm.UseMachine(_ => machine)), "Vmm:Machine=real");
        await watch.StartAsync();
        await watch.PollAsync();
        Assert.Equal(new PollResult(PollOutcome.Impossible, 0, "Not on this CPU.", TimeSpan.Zero), watch.Snapshot.Last);
        Assert.False(watch.Watcher.ExecuteTask!.IsCompleted);
    }

    [Fact]
    public async Task A_bug_ends_the_service_and_the_host_sees_it()
    {
        await using TestWatch watch = new(new FakeMachine().On("exits", _ => throw new InvalidOperationException("A bug.")));
        await watch.StartOnlyAsync();
        _ = await Assert.ThrowsAsync<InvalidOperationException>(() => watch.Watcher.ExecuteTask!.WaitAsync(TestWatch.Limit));
    }

    [Fact]
    public async Task It_stops_while_the_VMM_has_the_call_and_says_so()
    {
        using ManualResetEventSlim entered = new();
        using ManualResetEventSlim release = new();
        await using TestWatch watch = new(new FakeMachine().On("exits", call =>
        {
            entered.Set();
            _ = release.Wait(TestWatch.Limit);
        }));
        await watch.StartOnlyAsync();
        Assert.True(entered.Wait(TestWatch.Limit));
        try
        {
            await watch.StopAsync().WaitAsync(TestWatch.Limit);
            Assert.True(watch.Watcher.ExecuteTask!.IsCompletedSuccessfully);
            Assert.Equal([1, 3, 2], watch.Changes.Select(record => record.Event));
        }
        finally
        {
            release.Set();
        }
    }

    [Fact]
    public async Task There_are_never_two_calls_at_a_time()
    {
        using ManualResetEventSlim entered = new();
        using ManualResetEventSlim release = new();
        int calls = 0;
        await using TestWatch watch = new(new FakeMachine().On("exits", call =>
        {
            call.Rax = 1000 + (ulong)Interlocked.Increment(ref calls);
            entered.Set();
            _ = release.Wait(TestWatch.Limit);
        }));
        await watch.StartOnlyAsync();
        Assert.True(entered.Wait(TestWatch.Limit));
        watch.Time.Advance(TimeSpan.FromMinutes(5)); // 300 periods
        release.Set();
        await watch.WaitForPollAsync();
        await watch.WaitForPollAsync(); // what was missed is one poll, not 300
        await watch.StopAsync();
        Assert.Equal(2, calls);
    }
}
