using Xunit.Abstractions;

namespace Hypercall.Guest.Tests;

/// <summary>The suite in a guest with no VMM under it.</summary>
public sealed class NoVmmGuestTests(ITestOutputHelper output)
{
    [SkippableTheory]
    [MemberData(nameof(Scenarios.Names), MemberType = typeof(Scenarios))]
    public void With_no_VMM(string scenario) => Scenarios.Tell(GuestMachines.NoVmm, scenario);

    [SkippableFact]
    public void The_whole_suite_ran_and_the_machine_ended_well()
    {
        GuestRun run = GuestMachines.NoVmm;
        output.WriteLine(run.Retried ?? "The first boot did.");
        output.WriteLine(string.Join('\n', run.Log.Where(line => line.StartsWith("# ", StringComparison.Ordinal) || line.StartsWith("rig: ", StringComparison.Ordinal))));
        Assert.Equal(Scenarios.Names.Count, run.Results.All.Count);
        Assert.Equal(0, run.ExitCode);
    }
}
