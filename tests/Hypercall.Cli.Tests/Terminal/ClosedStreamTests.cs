namespace Hypercall.Cli.Tests.Terminal;

/// <summary>
/// A process may be born without standard streams. The runtime's own pipes then get their numbers: a read of number 0 would wait
/// for ever, and what is written to number 1 would be lost, or worse, read by the runtime.
/// </summary>
public class ClosedStreamTests
{
    [Theory]
    [InlineData("shell --vmm fake")]
    [InlineData("send - --function upper_gva --vmm fake")]
    public async Task Without_standard_input_what_reads_it_says_so(string commandLine)
    {
        ProcessRun run = await RunAsync(commandLine, "<&-");

        Assert.Equal((int)ExitCode.Usage, run.ExitCode);
        Assert.Contains("closed before this process began", run.Error, StringComparison.Ordinal);
        Assert.Contains("tandard input", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("functions --vmm fake")]
    [InlineData("shell --vmm fake")]
    [InlineData("send - --function upper_gva --direction both --out - --vmm fake")]
    public async Task Results_that_nobody_can_have_are_no_success(string commandLine)
    {
        ProcessRun run = await RunAsync(commandLine, ">&-");

        Assert.Equal((int)ExitCode.Usage, run.ExitCode);
        Assert.Contains("closed before this process began", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("functions --vmm fake", "<&- >&-", ExitCode.Usage)] // numbers 0 and 1 are both ends of a pipe of the runtime's
    [InlineData("functions --vmm fake", "<&- >&- 2>&-", ExitCode.Usage)]
    [InlineData("nosuch", "<&- >&- 2>&-", ExitCode.Usage)]
    [InlineData("call nosuch --vmm fake", "<&- 2>&-", ExitCode.Refused)]
    [InlineData("call foo --vmm fake", "<&- 2>&-", ExitCode.Done)] // it needs neither
    public async Task The_exit_code_is_right_without_streams(string commandLine, string streams, object expected) =>
        Assert.Equal(expected, (ExitCode)(await RunAsync(commandLine, streams)).ExitCode);

    private static async Task<ProcessRun> RunAsync(string commandLine, string streams)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || !await ProcessRun.CanAsync("sh", "-c", "true"), "There is no sh.");
        string input = streams.Contains("<&-", StringComparison.Ordinal) ? "" : "echo abc | ";
        return await ProcessRun.OfAsync("sh", LastResort.Bound, ["-c", $"{input}\"$0\" \"$@\" {streams}", .. Tool.CommandLine, .. commandLine.Split(' ')]);
    }
}
