using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Conformance;

/// <summary>
/// A Linux guest on an emulated Intel CPU with no VMM: every call is the typed error of that, and the process lives.
/// </summary>
[Collection(GuestCollection.Name)]
public class IntelNoVmmTests(GuestLab lab, ITestOutputHelper output)
{
    private static readonly HashSet<string> Required = ScenarioList.Required("no-vmm");

    public static TheoryData<ScenarioName> Scenarios => ScenarioList.WithoutVmm;

    [Theory]
    [MemberData(nameof(Scenarios))]
    public async Task The_scenario_passes(ScenarioName scenario)
    {
        GuestRun run = await lab.GetAsync(GuestRequest.IntelWithoutVmm);
        ScenarioList.Check(scenario.Value, run.Tap, Required, run.Trace);
    }

    [Fact]
    public async Task The_suite_runs_to_its_end_and_the_guest_powers_off()
    {
        GuestRun run = await lab.GetAsync(GuestRequest.IntelWithoutVmm);
        output.WriteLine(run.Trace);
        Assert.True(run.Tap.IsComplete, $"{run.Tap.Results.Count} of {run.Tap.Planned} scenarios. {string.Join(", ", run.Tap.Oddities)} {run.Tap.BailOut}\n{run.Trace}");
        Assert.True(run.ExitCode == 0, run.Trace);
    }

    [Fact]
    public async Task The_guest_runs_the_scenarios_that_these_tests_know()
    {
        GuestRun run = await lab.GetAsync(GuestRequest.IntelWithoutVmm);
        Assert.Equal(ScenarioList.All.Order(StringComparer.Ordinal), run.Tap.Results.Keys.Order(StringComparer.Ordinal));
    }
}
