using Hypercall.Guest.Tests.Processes;
using Hypercall.Guest.Tests.Rig;
using Xunit.Abstractions;

namespace Hypercall.Guest.Tests.Judges;

/// <summary>rig/shell on a terminal, under every judge: a prompt, one call, exit.</summary>
[Collection(GuestCollection.Name)]
public class ShellTests(GuestLab lab, ITestOutputHelper output)
{
    public static TheoryData<string> Guests => [.. Expectation.All.Select(expected => expected.ToString())];

    [SkippableTheory]
    [MemberData(nameof(Guests))]
    public async Task A_person_gets_a_prompt_makes_a_call_and_leaves(string guest)
    {
        Expectation expected = Expectation.All.Single(expected => expected.ToString() == guest);
        ShellRun run = await lab.GetShellAsync(expected);
        output.WriteLine(run.Screen);
        Assert.Null(run.Failure);
        Assert.Contains(expected.Answer, run.Answer, StringComparison.Ordinal);
        Assert.Equal(0, run.ExitCode);
        Assert.DoesNotContain(run.Sessions, session => ProcessSession.Members(session).Count != 0);
    }
}
