namespace Hypercall.Guest.Tests.Conformance;

/// <summary>The scenarios of the real guests, on the fake machine of Hypercall.Testing: it must not drift.</summary>
public class FakeConformanceTests(FakeRun fake) : IClassFixture<FakeRun>
{
    private static readonly HashSet<string> Required = ScenarioList.Required("fake");

    public static TheoryData<ScenarioName> Scenarios => ScenarioList.WithVmm;

    public static TheoryData<ScenarioName> ScenariosWithoutVmm => ScenarioList.WithoutVmm;

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void The_scenario_passes_on_a_fake_AMD_CPU(ScenarioName scenario) => ScenarioList.Check(scenario.Value, fake.Amd, Required, "");

    [Theory]
    [MemberData(nameof(Scenarios))]
    public void The_scenario_passes_on_a_fake_Intel_CPU(ScenarioName scenario) => ScenarioList.Check(scenario.Value, fake.Intel, Required, "");

    [Theory]
    [MemberData(nameof(ScenariosWithoutVmm))]
    public void The_scenario_passes_with_no_VMM(ScenarioName scenario) => ScenarioList.Check(scenario.Value, fake.NoVmm, [], "");

    [Fact]
    public void The_suite_runs_to_its_end()
    {
        Assert.True(fake.Amd.IsComplete);
        Assert.True(fake.Intel.IsComplete);
        Assert.True(fake.NoVmm.IsComplete);
    }
}
