using Hypercall.Conformance;
using Hypercall.Guest.Tests.Processes;
using Hypercall.Guest.Tests.Rig;
using Hypercall.Guest.Tests.Tap;

namespace Hypercall.Guest.Tests.Judges;

/// <summary>Our guest under hypervisors that nobody here wrote: the tool and the runner end as they do elsewhere.</summary>
[Collection(GuestCollection.Name)]
public class JudgeTests(GuestLab lab, ITestOutputHelper output)
{
    public static TheoryData<string> Foreign => [.. Expectation.Foreign.Select(expected => expected.ToString())];

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task The_guest_boots_and_powers_off(string guest)
    {
        GuestRun run = await RunAsync(guest);
        Assert.True(run.ExitCode == 0, run.Trace);
    }

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task Detect_tells_who_is_there_and_ends_with_0(string guest)
    {
        Expectation expected = Named(guest);
        GuestRun run = await RunAsync(guest);
        string[] detect =
        [
            .. run.Lines.SkipWhile(line => !line.StartsWith("rig: run hypercall detect", StringComparison.Ordinal))
                .TakeWhile(line => !line.StartsWith("rig: run conf", StringComparison.Ordinal)),
        ];
        Assert.True(detect.Contains("rig: ended 0"), run.Trace);
        Assert.Matches($"Hypervisor signature.*{expected.Signature}", string.Join('\n', detect));
        Assert.Matches($"Functions by name.*{expected.ByName}", string.Join('\n', detect));
    }

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task The_conformance_runner_runs_to_its_end_and_nothing_fails(string guest)
    {
        GuestRun run = await RunAsync(guest);
        Assert.True(
            run.Tap.IsComplete,
            $"{run.Tap.Results.Count} of {run.Tap.Planned} scenarios. {string.Join(", ", run.Tap.Oddities)} {run.Tap.BailOut}\n{run.Trace}");
        Assert.DoesNotContain(run.Tap.Results.Values, result => result.Outcome == TapOutcome.Failed);
        Assert.Contains(run.Tap.Results.Values, result => result.Outcome == TapOutcome.Passed);
    }

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task The_guest_leaves_no_process(string guest)
    {
        GuestRun run = await RunAsync(guest);
        Assert.NotEmpty(run.Sessions);
        Assert.DoesNotContain(run.Sessions, session => ProcessSession.Members(session).Count != 0);
    }

    [Fact]
    public async Task The_newer_kernel_boots_too()
    {
        GuestRun run = await RunAsync("amd xen-pvh");
        Assert.True(run.Lines.Any(line => line.StartsWith("rig: guest 6.12.", StringComparison.Ordinal)), run.Trace);
    }

    [Fact]
    public async Task VMwares_port_answers_commands_to_whom_the_kernel_lets_and_to_nobody_else()
    {
        GuestRun run = await RunAsync("amd vmware-port");
        TapResult[] results = [.. run.Tap.Results.Values.Where(result => result.Name.StartsWith("vmware port: ", StringComparison.Ordinal))];
        Assert.Equal(ScenarioCatalog.All.Count(scenario => scenario.Needs.HasFlag(Needs.VmwarePort)), results.Length);
        Assert.All(results, result => Assert.True(result.Outcome == TapOutcome.Passed, $"{result.Name}: {result.Details}"));
    }

    [Fact]
    public async Task Xens_device_answers_versions_fills_a_buffer_and_refuses_what_it_cannot_carry()
    {
        GuestRun run = await RunAsync("amd xen-dom0");
        TapResult[] results = [.. run.Tap.Results.Values.Where(result => result.Name.StartsWith("xen privcmd: ", StringComparison.Ordinal))];
        Assert.Equal(ScenarioCatalog.All.Count(scenario => scenario.Needs.HasFlag(Needs.XenPrivcmd)), results.Length);
        Assert.All(results, result => Assert.True(result.Outcome == TapOutcome.Passed, $"{result.Name}: {result.Details}"));
    }

    private static Expectation Named(string guest) => Expectation.All.Single(expected => expected.ToString() == guest);

    private async Task<GuestRun> RunAsync(string guest)
    {
        Expectation expected = Named(guest);
        GuestRun run = await lab.GetAsync(
            GuestRequest.Judged.Single(request => request.Machine == expected.Machine && request.Judge == expected.Judge));
        output.WriteLine(run.Trace);
        return run;
    }
}
