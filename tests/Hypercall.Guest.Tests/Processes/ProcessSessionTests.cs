namespace Hypercall.Guest.Tests.Processes;

public class ProcessSessionTests
{
    [Fact]
    public void What_a_program_started_ends_with_it_whether_it_wants_to_or_not()
    {
        NeedsLinux();
        using ProcessSession session = ProcessSession.Start("/", "bash", "-c", "trap '' TERM; sleep 1000 & (sleep 1000 & echo ready; wait); wait");
        Assert.Equal("ready", session.Output.ReadLine());
        Assert.True(ProcessSession.Members(session.Id).Count >= 3);
        session.End(TimeSpan.Zero);
        Assert.Empty(ProcessSession.Members(session.Id));
    }

    [Fact]
    public void What_outlives_the_program_ends_too()
    {
        NeedsLinux();
        using ProcessSession session = ProcessSession.Start("/", "bash", "-c", "trap '' HUP; sleep 1000 >/dev/null 2>&1 & echo ready");
        Assert.Equal("ready", session.Output.ReadLine());
        Assert.True(session.WaitForExit(LastResort.Bound));
        Assert.NotEmpty(ProcessSession.Members(session.Id));
        session.End();
        Assert.Empty(ProcessSession.Members(session.Id));
    }

    [Fact]
    public void A_program_ends_with_the_thread_that_started_it()
    {
        NeedsLinux();
        ProcessSession? session = null;
        Thread thread = new(() =>
        {
            session = ProcessSession.Start("/", "bash", "-c", "echo ready; sleep 1000 & wait");
            _ = session.Output.ReadLine();
        });
        thread.Start();
        thread.Join();
        using (session)
        {
            Assert.True(session!.WaitForExit(LastResort.Bound));
        }
    }

    [Fact]
    public void Another_dotnet_is_not_told_of_this_ones_MSBuild()
    {
        NeedsLinux();
        Environment.SetEnvironmentVariable("MSBUILD_OF_THIS_TEST", "here");
        using ProcessSession session = ProcessSession.Start("/", "bash", "-c", "echo \"<$MSBUILD_OF_THIS_TEST>\"");
        Assert.Equal("<>", session.Output.ReadLine());
    }

    private static void NeedsLinux() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Sessions and setpriv are Linux'.");
}
