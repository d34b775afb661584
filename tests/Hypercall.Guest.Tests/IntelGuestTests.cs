using Xunit.Abstractions;

namespace Hypercall.Guest.Tests;

/// <summary>The suite in an emulated Intel CPU (VMX) under the rig's VMM.</summary>
public sealed class IntelGuestTests(ITestOutputHelper output)
{
    [SkippableTheory]
    [MemberData(nameof(Scenarios.Names), MemberType = typeof(Scenarios))]
    public void On_Intel_under_VMX(string scenario) => Scenarios.Tell(GuestMachines.Intel, scenario);

    [SkippableFact]
    public void The_whole_suite_ran_and_the_machine_ended_well()
    {
        GuestRun run = GuestMachines.Intel;
        output.WriteLine(run.Retried ?? "The first boot did.");
        output.WriteLine(string.Join('\n', run.Log.Where(line => line.StartsWith("# ", StringComparison.Ordinal) || line.StartsWith("rig: ", StringComparison.Ordinal))));
        Assert.Equal(Scenarios.Names.Count, run.Results.All.Count);
        Assert.Equal(0, run.ExitCode);
    }
}
