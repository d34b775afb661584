using Hypercall.Conformance;
using Hypercall.Conformance.Running;

namespace Hypercall.Guest.Tests;

/// <summary>The very same scenarios on the fake machine of Hypercall.Testing.</summary>
public sealed class FakeMachineTests
{
    private static readonly Lazy<(TapResults Results, int ExitCode)> Run = new(RunAll);

    [SkippableTheory]
    [MemberData(nameof(Scenarios.Names), MemberType = typeof(Scenarios))]
    public void On_the_fake(string scenario)
    {
        TapResult result = Run.Value.Results.All[scenario];
        Skip.If(result.Skipped is not null, result.Skipped);
        Assert.False(result.IsFailed, result.Message);
    }

    [Fact]
    public void No_required_scenario_is_skipped() => Assert.Equal(Runner.AllWell, Run.Value.ExitCode);

    private static (TapResults Results, int ExitCode) RunAll()
    {
        using StringWriter output = new();
        RunnerOptions options = new() { Machine = "fake", Required = Path.Combine(Rig.Root, "tests", "Hypercall.Conformance", "required-fake.txt") };
        int exitCode = new Runner(options, () => FakeMachines.Open("AuthenticAMD"), output).Run(ScenarioCatalog.All);
        return (new TapResults(output.ToString().Split('\n')), exitCode);
    }
}
