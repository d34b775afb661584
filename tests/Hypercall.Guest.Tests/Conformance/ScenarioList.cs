using Hypercall.Conformance;
using Hypercall.Guest.Tests.Tap;

namespace Hypercall.Guest.Tests.Conformance;

/// <summary>Which scenarios mean something on which machine, and which of them may not be skipped there.</summary>
internal static class ScenarioList
{
    // They need a boot of their own: JudgeTests, RomPanicTests.
    private const Needs Elsewhere = Needs.Destruction | Needs.VmwarePort | Needs.XenPrivcmd;

    /// <summary>Every scenario that there is.</summary>
    public static IEnumerable<string> All => ScenarioCatalog.All.Select(scenario => scenario.Name);

    /// <summary>The scenarios for a machine with the rig's VMM.</summary>
    public static TheoryData<ScenarioName> WithVmm => [.. Names(scenario => (scenario.Needs & Needs.NoVmm) == 0)];

    /// <summary>The scenarios for a machine with no VMM.</summary>
    public static TheoryData<ScenarioName> WithoutVmm => [.. Names(scenario => (scenario.Needs & (Needs.Vmm | Needs.Rig | Needs.Injection)) == 0)];

    /// <summary>The scenarios that may not be skipped on a machine.</summary>
    /// <param name="machine"><c>amd</c>, <c>intel</c>, <c>no-vmm</c> or <c>fake</c>.</param>
    public static HashSet<string> Required(string machine) =>
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, $"required-{machine}.txt")).Select(line => line.Trim()).Where(line => line.Length != 0 && line[0] != '#'),
    ];

    /// <summary>Turns a scenario's line of a report into the outcome of the test that calls this.</summary>
    /// <param name="name">The scenario.</param>
    /// <param name="report">Where its line is.</param>
    /// <param name="required">What may not be skipped.</param>
    /// <param name="trace">For the message: how the run ended.</param>
    public static void Check(string name, TapReport report, HashSet<string> required, string trace)
    {
        if (!report.Results.TryGetValue(name, out TapResult? result))
        {
            Assert.Fail($"The run has no result for '{name}'. {report.BailOut}\n{trace}");
        }

        bool isSkipped = result.Outcome == TapOutcome.Skipped;
        Assert.False(isSkipped && required.Contains(name), $"'{name}' is required on this machine, and was skipped: {result.Details}");
        Assert.SkipWhen(isSkipped, result.Details);
        Assert.True(result.Outcome == TapOutcome.Passed, result.Details);
    }

    private static IEnumerable<ScenarioName> Names(Func<Scenario, bool> isMeant) =>
        ScenarioCatalog.All.Where(scenario => (scenario.Needs & Elsewhere) == 0 && isMeant(scenario)).Select(scenario => new ScenarioName(scenario.Name));
}
