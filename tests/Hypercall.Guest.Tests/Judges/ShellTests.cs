using Hypercall.Guest.Tests.Processes;
using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Judges;

/// <summary>rig/shell on a terminal, under every judge: a prompt, one call, exit.</summary>
[Collection(GuestCollection.Name)]
public class ShellTests(GuestLab lab, ITestOutputHelper output)
{
    public static TheoryData<string> Guests => [.. GuestRequest.AllVisited.Select(request => request.Name)];

    [Theory]
    [MemberData(nameof(Guests))]
    public async Task A_person_gets_a_prompt_makes_a_call_and_leaves(string guest)
    {
        GuestRequest request = GuestRequest.AllVisited.Single(request => request.Name == guest);
        GuestRun run = await lab.GetAsync(request);
        GuestVisit visit = run.Visit!;
        output.WriteLine(visit.Screen);
        Assert.Null(visit.Failure);
        Assert.Contains(request.Visit!.Answer, visit.Answer, StringComparison.Ordinal);
        Assert.True(run.ExitCode == 0, run.Trace);
        Assert.DoesNotContain(run.Sessions, session => ProcessSession.Members(session).Count != 0);
    }

    [Fact]
    public void Every_machine_is_visited_under_every_judge_and_booted_once_for_it() => Assert.Equal(
        Expectation.All.Select(expected => expected.ToString()).Order(StringComparer.Ordinal),
        GuestRequest.AllVisited.Select(request => request.Visit!.ToString()).Order(StringComparer.Ordinal));
}
