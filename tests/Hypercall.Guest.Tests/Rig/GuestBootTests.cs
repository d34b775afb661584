using Hypercall.Guest.Tests.Processes;

namespace Hypercall.Guest.Tests.Rig;

/// <summary>A boot that goes wrong, with a script in the place of an emulator.</summary>
public sealed class GuestBootTests : IDisposable
{
    private static readonly GuestRequest Quick = new("stand-in", "amd", "rig", "", LastResort.Bound, LastResort.Bound);

    private readonly string _folder = Directory.CreateTempSubdirectory("hypercall-boot-tests-").FullName;
    private readonly List<string> _told = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void One_that_runs_out_of_time_is_tried_once_more_and_a_person_is_told()
    {
        GuestRun run = Boot(Quick, $"if [ -e {_folder}/seen ]; then echo 'rig: done 0'; exit 0; fi; touch {_folder}/seen; echo half; exit 124");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(["rig: done 0"], run.Lines);
        Assert.Equal(2, run.Attempts.Count);
        Assert.Contains("once more", Assert.Single(_told), StringComparison.Ordinal);
        Assert.Equal(["half"], File.ReadAllLines(Path.Combine(_folder, "stand-in.hung.log")));
    }

    [Fact]
    public void One_that_fails_is_not_tried_again()
    {
        GuestRun run = Boot(Quick, "echo 'not ok 1 - a: b'; exit 3");
        Assert.Equal(3, run.ExitCode);
        Assert.Single(run.Attempts);
        Assert.Empty(_told);
        Assert.Equal(["not ok 1 - a: b"], File.ReadAllLines(run.LogFile));
    }

    [Fact]
    public void One_that_says_nothing_for_long_is_ended_with_all_that_it_started()
    {
        GuestRun run = Boot(Quick with { Silence = TimeSpan.FromSeconds(1) }, "sleep 1000 & sleep 1000; exit 0");
        Assert.Null(run.ExitCode);
        Assert.Equal(2, run.Attempts.Count);
        Assert.All(run.Attempts, attempt => Assert.Contains("said nothing", attempt, StringComparison.Ordinal));
        Assert.Equal(2, run.Sessions.Count);
        Assert.All(run.Sessions, session => Assert.Empty(ProcessSession.Members(session)));
    }

    private GuestRun Boot(GuestRequest request, string script)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sessions and setpriv are Linux'.");
        GuestRun? run = null;
        Thread thread = new(() => run = new GuestBoot(_folder, _told.Add).Run(request, ["bash", "-c", script], CancellationToken.None));
        thread.Start();
        thread.Join();
        return run!;
    }
}
