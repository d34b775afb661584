using System.Text.Json;
using Hypercall.Tests.Hosts;

namespace Hypercall.Cli.Tests;

/// <summary>The demonstration on the real machine: it stirs all of its memory, so nothing else runs beside it.</summary>
[Collection(nameof(RealMemoryTests))]
[CollectionDefinition(nameof(RealMemoryTests), DisableParallelization = true)]
public class RealMemoryTests
{
    [Theory]
    [InlineData("io_uring")]
    [InlineData("ramfs")]
    public async Task Compaction_moves_locked_pages_and_no_pinned_one(string mechanism)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess,
            "Needs root on Linux: to have memory compacted, and to see where pages lie.");
        CliRun run = await CliRun.OfAsync($"memory --compact --pinning {mechanism} --json");
        JsonElement error = run.Json.GetProperty("error");
        Assert.SkipWhen(run.ExitCode is ExitCode.MemoryRefused or ExitCode.Unsupported, error.ToString());

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(mechanism, run.Json.GetProperty("pinned").GetProperty("mechanism").GetString());
        Assert.Equal(2048, run.Json.GetProperty("locked").GetProperty("pages").GetInt64());
        Assert.Equal(2048, run.Json.GetProperty("pinned").GetProperty("pages").GetInt64());
        Assert.True(run.Json.GetProperty("locked").GetProperty("moved").GetInt64() > 0, run.Out);
        Assert.Equal(0, run.Json.GetProperty("pinned").GetProperty("moved").GetInt64());
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("memory --compact")]
    public async Task Without_root_it_says_what_is_missing_and_still_shows_residency(string commandLine)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root becomes nobody.");
        Assert.SkipUnless(await ProcessRun.CanAsync("setpriv", "--version"), "There is no setpriv (util-linux).");
        string[] asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", .. Tool.CommandLine];
        Assert.SkipUnless(
            await ProcessRun.CanAsync("setpriv", [.. asNobody, "--version"]), "Nobody may not run the tool where it lies.");
        ProcessRun run = await ProcessRun.OfAsync("setpriv", LastResort.Bound, [.. asNobody, .. commandLine.Split(' '), "--size", "64KiB", "--json"]);

        Assert.Equal((int)ExitCode.MemoryRefused, run.ExitCode);
        JsonElement json = JsonDocument.Parse(run.Out).RootElement;
        Assert.Equal("touched", json.GetProperty("touched").GetProperty("got").GetString());
        Assert.Equal(16, json.GetProperty("touched").GetProperty("present").GetInt64());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("touched").GetProperty("moved").ValueKind);
        Assert.False(json.GetProperty("compacted").GetBoolean());
        Assert.Contains("CAP_SYS_ADMIN", json.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task Every_way_of_pinning_that_was_refused_is_told()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root becomes nobody.");
        Assert.SkipUnless(await ProcessRun.CanAsync("setpriv", "--version"), "There is no setpriv (util-linux).");
        string sandbox = CProgram.Build("sandbox");
        string[] asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        Assert.SkipUnless(
            await ProcessRun.CanAsync("setpriv", [.. asNobody, .. Tool.CommandLine, "--version"]),
            "Nobody may not run the tool where it lies.");
        ProcessRun run = await ProcessRun.OfAsync(
            sandbox,
            LastResort.Bound,
            ["io_uring_setup=EPERM", "--", "setpriv", .. asNobody, .. Tool.CommandLine, "memory", "--residency", "pinned", "--size", "64KiB", "--json"]);

        string missing = JsonDocument.Parse(run.Out).RootElement.GetProperty("pinned").GetProperty("missing").GetString()!;
        Assert.Equal((int)ExitCode.MemoryRefused, run.ExitCode);
        Assert.Contains("io_uring_setup: Operation not permitted (EPERM)", missing, StringComparison.Ordinal);
        Assert.Contains("ramfs: not tried, because the process has no CAP_SYS_ADMIN", missing, StringComparison.Ordinal);
        Assert.Contains("--residency locked", missing, StringComparison.Ordinal);
    }
}
