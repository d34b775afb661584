using Hypercall.Testing;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace VmmWatch.Tests;

/// <summary>What the watcher saw, judged.</summary>
public class HealthTests
{
    [Fact]
    public async Task It_goes_from_healthy_to_degraded_to_unhealthy_and_back()
    {
        FakeMachine vmm = new FakeMachine().On("exits", call => call.Rax = 1000);
        await using TestWatch watch = new(vmm);
        Assert.Equal(HealthStatus.Degraded, (await watch.HealthAsync()).Status); // nobody knows yet
        await watch.StartAsync();
        HealthReportEntry healthy = await watch.HealthAsync();

        List<HealthStatus> seen = [healthy.Status];
        vmm.Personality = FakeVmmPersonality.None;
        for (int i = 0; i < 4; i++)
        {
            await watch.PollAsync();
            seen.Add((await watch.HealthAsync()).Status);
        }

        HealthReportEntry unhealthy = await watch.HealthAsync();
        vmm.Personality = FakeVmmPersonality.BitVisor;
        await watch.PollAsync();
        seen.Add((await watch.HealthAsync()).Status);

        Assert.Equal(
            [HealthStatus.Healthy, HealthStatus.Degraded, HealthStatus.Degraded, HealthStatus.Unhealthy, HealthStatus.Unhealthy, HealthStatus.Healthy], seen);
        Assert.Equal("'exits' answered 1000.", healthy.Description);
        Assert.Contains("#UD", unhealthy.Description, StringComparison.Ordinal);
        Assert.Equal(5L, unhealthy.Data["polls"]);
        Assert.Equal(4, unhealthy.Data["consecutiveFailures"]);
        Assert.Equal("Faulted", unhealthy.Data["lastOutcome"]);
        Assert.Equal(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), unhealthy.Data["lastSuccess"]);
        Assert.Equal(1000ul, unhealthy.Data["lastValue"]);
    }

    [Fact]
    public async Task An_answer_that_took_long_is_degraded()
    {
        TestWatch? slow = null;
        FakeMachine vmm = new FakeMachine().On("exits", call =>
        {
            slow!.Time.Advance(TimeSpan.FromSeconds(2.5));
            call.Rax = 1000;
        });
        await using TestWatch watch = slow = new(vmm, "Vmm:Period=01:00:00", "Vmm:SlowAfter=00:00:02.4");
        await watch.StartAsync();
        HealthReportEntry health = await watch.HealthAsync();
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Equal("'exits' answered 1000. It took 2.5 s.", health.Description);
        Assert.Equal(2.5, Assert.Single(watch.Measured("vmmwatch.poll.duration")).Value);
    }

    [Fact]
    public async Task A_VMM_that_does_not_return_is_unhealthy_while_it_does_not()
    {
        using ManualResetEventSlim entered = new();
        using ManualResetEventSlim release = new();
        await using TestWatch watch = new(
            new FakeMachine().On("exits", call =>
            {
                call.Rax = 1000;
                entered.Set();
                _ = release.Wait(TestWatch.Limit);
            }),
            "Vmm:Period=01:00:00", "Vmm:SlowAfter=00:10:00", "Vmm:HungAfter=00:10:00");
        await watch.StartOnlyAsync();
        Assert.True(entered.Wait(TestWatch.Limit));
        watch.Time.Advance(TimeSpan.FromMinutes(10));
        HealthReportEntry hung = await watch.HealthAsync();
        release.Set();
        await watch.WaitForPollAsync();

        Assert.Equal(HealthStatus.Unhealthy, hung.Status);
        Assert.Equal("A call of 'exits' has not come back for 600 s.", hung.Description);
        Assert.Equal(HealthStatus.Healthy, (await watch.HealthAsync()).Status);
    }

    [Fact]
    public async Task One_poll_of_a_VMM_that_does_not_return_is_reported_as_such()
    {
        using ManualResetEventSlim release = new();
        await using TestWatch watch = new(new FakeMachine().On("exits", call => release.Wait(TestWatch.Limit)));
        Task<OnceReport> once = OnceReport.OfAsync(watch.Services);
        watch.Time.Advance(TimeSpan.FromSeconds(10));
        OnceReport report = await once.WaitAsync(TestWatch.Limit);
        release.Set();
        Assert.Equal(new OnceReport("Unhealthy", "Fake", "exits", null, null, null, "A call of 'exits' has not come back for 10 s."), report);
        Assert.False(report.IsHealthy);
    }
}
