using Hypercall.Conformance;

namespace Hypercall.Guest.Tests;

/// <summary>The scenarios as test cases, and what a machine said of one as a test result.</summary>
public static class Scenarios
{
    public static TheoryData<string> Names => [.. ScenarioCatalog.All.Select(scenario => scenario.Name)];

    internal static void Tell(GuestRun run, string name)
    {
        if (!run.Results.All.TryGetValue(name, out TapResult? result))
        {
            Assert.Fail($"The machine ended (rig/boot: {run.ExitCode}) before it said anything of this scenario; {run.Results.All.Count} of {run.Results.Planned} were told. Log: {run.LogPath}");
        }

        Skip.If(result.Skipped is not null, result.Skipped);
        Assert.False(result.IsFailed, $"{result.Message}\nLog: {run.LogPath}");
    }
}
