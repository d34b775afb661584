using Xunit.Abstractions;

namespace Hypercall.Guest.Tests;

/// <summary>The suite in an emulated AMD CPU (SVM) under the rig's VMM.</summary>
public sealed class AmdGuestTests(ITestOutputHelper output)
{
    [SkippableTheory]
    [MemberData(nameof(Scenarios.Names), MemberType = typeof(Scenarios))]
    public void On_AMD_under_SVM(string scenario) => Scenarios.Tell(GuestMachines.Amd, scenario);

    [SkippableFact]
    public void The_whole_suite_ran_and_the_machine_ended_well()
    {
        GuestRun run = GuestMachines.Amd;
        output.WriteLine(run.Retried ?? "The first boot did.");
        output.WriteLine(string.Join('\n', run.Log.Where(line => line.StartsWith("# ", StringComparison.Ordinal) || line.StartsWith("rig: ", StringComparison.Ordinal))));
        Assert.Equal(Scenarios.Names.Count, run.Results.All.Count);
        Assert.Equal(0, run.ExitCode);
    }
}
