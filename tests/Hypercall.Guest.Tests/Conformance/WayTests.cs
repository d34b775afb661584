using Hypercall.Guest.Tests.Rig;
using Hypercall.Guest.Tests.Tap;

namespace Hypercall.Guest.Tests.Conformance;

/// <summary>The functions of the rig's VMM, called by a CPUID leaf and by a port: rig/ABI.md, "Ways".</summary>
[Collection(GuestCollection.Name)]
public class WayTests(GuestLab lab)
{
    /// <summary>What a machine lacks has its reason in the main run, where it is required or not.</summary>
    private const string ByInstruction = "the calls go by ";

    public static TheoryData<string, string> Ways
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string machine in (string[])["amd", "intel"])
            {
                foreach (string way in GuestRequest.Ways(machine))
                {
                    data.Add(machine, way);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Words_memory_status_and_shell_go_by_each_way(string machine, string way)
    {
        GuestRun run = await lab.GetAsync(machine == "amd" ? GuestRequest.Amd : GuestRequest.Intel);
        TapReport report = run.TapBy(way);
        Assert.True(
            report.IsComplete,
            $"{report.Results.Count} of {report.Planned} scenarios by {way}. {string.Join(", ", report.Oddities)} {report.BailOut}\n{run.Trace}");
        foreach (TapResult result in report.Results.Values)
        {
            bool isPassed = result.Outcome == TapOutcome.Passed;
            bool isSkipped = result.Outcome == TapOutcome.Skipped;
            bool isByInstruction = isSkipped && result.Details.StartsWith(ByInstruction, StringComparison.Ordinal);
            bool isNowhere = isSkipped && run.Tap.Results[result.Name].Outcome == TapOutcome.Skipped;
            Assert.True(isPassed || isByInstruction || isNowhere, $"{result.Name}: {result.Outcome}. {result.Details}");
        }

        foreach (string group in GuestRequest.WayGroups(machine))
        {
            IEnumerable<TapResult> passed = report.Results.Values.Where(result => result.Outcome == TapOutcome.Passed);
            Assert.Contains(passed, result => result.Name.Contains(group, StringComparison.Ordinal));
        }
    }
}
