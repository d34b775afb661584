namespace Hypercall.Packages.Tests;

/// <summary>Runs `dotnet`, which leaves no process behind.</summary>
internal static class Dotnet
{
    public static Task<ProcessRun> RunAsync(params string[] args) => ProcessRun.OfAsync("dotnet", LastResort.Build, args);

    /// <summary>A command of MSBuild: quiet, and without servers.</summary>
    public static Task<ProcessRun> QuietAsync(string command, params string[] args) =>
        RunAsync([command, .. args, "-nologo", "-v:q", "-clp:NoSummary", "-nodeReuse:false", "--disable-build-servers"]);

    /// <summary>The same of one that restores, too.</summary>
    public static async Task<ProcessRun> BuildAsync(string command, params string[] args)
    {
        ProcessRun run = await QuietAsync(command, args);
        Assert.SkipWhen(CannotReachRegistry(run), $"A package that this test needs is neither here nor to be had: {FirstError(run)}");
        return run;
    }

    /// <summary>What a build says if it says anything, vulnerability data aside: that is the network's.</summary>
    public static string[] Complaints(ProcessRun run) =>
    [
        .. (run.Out + run.Error).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => (line.Contains("warning ", StringComparison.Ordinal) || line.Contains("error ", StringComparison.Ordinal)) && !line.Contains("warning NU19", StringComparison.Ordinal)),
    ];

    // NU1301: the source cannot be reached. NU1101 and NU1102 of a package that is ours would be a failure.
    private static bool CannotReachRegistry(ProcessRun run) => run.ExitCode != 0 && run.Out.Contains("error NU1301", StringComparison.Ordinal);

    private static string FirstError(ProcessRun run) => Complaints(run).FirstOrDefault("")!;
}
