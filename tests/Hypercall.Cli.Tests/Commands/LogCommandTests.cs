using System.Text.Json;

namespace Hypercall.Cli.Tests.Commands;

/// <summary>The VMM's log, as the tool prints it.</summary>
public class LogCommandTests
{
    private const string Line = "Fake VMM: the guest's kernel reads this log.";

    [Fact]
    public async Task What_comes_within_a_second_is_printed()
    {
        CliRun run = await CliRun.OfAsync("log --vmm fake");
        Assert.Equal((ExitCode.Done, Line + "\n", ""), (run.ExitCode, run.Out, run.Error));
    }

    [Fact]
    public async Task A_script_gets_one_document()
    {
        JsonElement json = (await CliRun.OfAsync("log --vmm fake --channel kernel --json")).Json;
        Assert.Equal((Line + "\n", false), (json.GetProperty("text").GetString(), json.GetProperty("overwritten").GetBoolean()));
    }

    [Fact]
    public async Task Followed_it_ends_when_it_is_cancelled()
    {
        using CancellationTokenSource cancellation = new();
        using CancellingWriter results = new(cancellation);
        ExitCode code = await CliApplication.RunAsync(
            ["log", "--follow", "--vmm", "fake"], new CliHost(results, TextWriter.Null), cancellation.Token);
        Assert.Equal((ExitCode.Cancelled, Line + "\n"), (code, results.ToString()));
    }

    [Theory]
    [InlineData("log --vmm fake --channel AMD", "--channel kernel")]
    [InlineData("log --channel cpuid", "--channel kernel-module")]
    [InlineData("log --vmm fake --size 1KiB", "--size is 4 KiB to 1 MiB")]
    [InlineData("log --vmm fake --size 2MiB", "--size is 4 KiB to 1 MiB")]
    [InlineData("log --vmm fake --follow --json", "has no end of its own")]
    public async Task What_cannot_be_is_bad_usage(string commandLine, string error)
    {
        CliRun run = await CliRun.OfAsync(commandLine);
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(error, run.Out + run.Error, StringComparison.Ordinal);
    }

    /// <summary>Cancels as soon as something was printed.</summary>
    private sealed class CancellingWriter(CancellationTokenSource cancellation) : StringWriter
    {
        public override void Flush()
        {
            if (GetStringBuilder().Length != 0)
            {
                cancellation.Cancel();
            }
        }
    }
}
