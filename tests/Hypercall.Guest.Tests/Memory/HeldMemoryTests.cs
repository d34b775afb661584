using System.Globalization;
using System.Text.RegularExpressions;
using Hypercall.Guest.Tests.Conformance;
using Hypercall.Guest.Tests.Rig;
using Hypercall.Guest.Tests.Tap;

namespace Hypercall.Guest.Tests.Memory;

/// <summary>mlock as against pinning, for real: a VMM holds the addresses of a buffer while the kernel compacts memory.</summary>
[Collection(GuestCollection.Name)]
public partial class HeldMemoryTests(GuestLab lab, ITestOutputHelper output)
{
    private const string Locked = "hold: locked memory moves, and what the VMM writes is lost in somebody else's page";
    private const string Pinned = "hold: pinned memory is right after every compaction";

    [Theory]
    [InlineData("amd")]
    [InlineData("intel")]
    public void Both_halves_of_the_comparison_may_not_be_skipped(string machine)
    {
        Assert.Contains(Locked, ScenarioList.Required(machine));
        Assert.Contains(Pinned, ScenarioList.Required(machine));
    }

    [Fact]
    public async Task Locked_memory_moves_under_a_VMM_that_holds_it()
    {
        GuestRun run = await lab.GetAsync(GuestRequest.Amd);
        TapResult result = run.Tap.Results[Locked];
        output.WriteLine(result.Details);
        Assert.Equal(TapOutcome.Passed, result.Outcome);
        Match moved = Moved().Match(result.Details);
        Assert.True(moved.Success, result.Details);
        int pages = int.Parse(moved.Groups["moved"].Value, CultureInfo.InvariantCulture);
        Assert.True(pages > 0, result.Details);
        Assert.Equal(pages, int.Parse(moved.Groups["wrong"].Value, CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task Pinned_memory_is_right_every_time_under_a_VMM_that_holds_it()
    {
        GuestRun run = await lab.GetAsync(GuestRequest.Amd);
        Assert.Equal(TapOutcome.Passed, run.Tap.Results[Pinned].Outcome);
    }

    [GeneratedRegex("(?<moved>[0-9]+) of [0-9]+ locked pages moved in round [0-9]+, and the VMM found somebody else's bytes in (?<wrong>[0-9]+)")]
    private static partial Regex Moved();
}
