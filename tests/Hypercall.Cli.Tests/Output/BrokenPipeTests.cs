using Hypercall.Cli.Tests.Terminal;

namespace Hypercall.Cli.Tests.Output;

/// <summary>A reader that goes away, as <c>head</c> does.</summary>
public class BrokenPipeTests
{
    private const string CalledAnyway = "The VMM was called all the same: ";

    [Theory]
    [InlineData("--help")]
    [InlineData("--version")]
    [InlineData("help send")]
    [InlineData("detect --vmm fake")]
    [InlineData("detect --vmm fake --json")]
    [InlineData("functions --vmm fake")]
    [InlineData("functions --vmm fake --json")]
    [InlineData("status --vmm fake")]
    [InlineData("status --vmm fake --json")]
    [InlineData("memory --vmm fake --compact")]
    [InlineData("memory --vmm fake --compact --json")]
    [InlineData("demo")]
    [InlineData("demo --json")]
    [InlineData("shell --vmm fake")] // its prompt comes before the first key
    public async Task Every_command_ends_with_141_and_in_silence(string commandLine)
    {
        Assert.Equal((141, "", ""), await RunAsync(commandLine));
    }

    [Theory]
    [InlineData("call foo --vmm fake", CalledAnyway + "'foo' returned, with RAX = 0xa (10).")]
    [InlineData("call foo --vmm fake --json", CalledAnyway + "'foo' returned, with RAX = 0xa (10).")]
    [InlineData("raw --rax 4 --vmm fake", CalledAnyway + "VMMCALL completed, with RAX = 0xa (10).")]
    [InlineData("shell --vmm fake --json", "The VMM's shell received every key; its output is lost.")]
    [InlineData("send - --function upper_gva --direction both --out - --vmm fake", CalledAnyway + "'upper_gva' took 3 of 3 bytes in 1 call.")]
    [InlineData("send - --function upper_gva --direction both --out /dev/null --vmm fake --json", CalledAnyway + "'upper_gva' took 3 of 3 bytes in 1 call.")]
    public async Task What_the_VMM_did_all_the_same_is_said(string commandLine, string done)
    {
        (int code, string results, string errors) = await RunAsync(commandLine);

        Assert.Equal((141, ""), (code, results));
        Assert.Equal($"hypercall: Nobody reads standard output any more (Broken pipe). {done}", errors.TrimEnd());
    }

    [Fact]
    public async Task A_reader_that_takes_the_beginning_does_not_make_it_a_success()
    {
        string script = """{ head -c 1000000 /dev/zero | "$0" "$@"; echo "CODE=$?" >&2; } | head -c 1""";
        ProcessRun run = await ShAsync(script, "send - --function upper_gva --direction both --out - --vmm fake");

        Assert.Equal("\0", run.Out);
        Assert.Contains("CODE=141", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help", null)]
    [InlineData("functions --vmm fake", null)]
    [InlineData("functions --vmm fake --json", null)]
    [InlineData("shell --vmm fake", null)]
    [InlineData("call foo --vmm fake --json", "'foo' returned")]
    [InlineData("send - --function upper_gva --direction both --out - --vmm fake", "'upper_gva' took 3 of 3 bytes")]
    public async Task A_full_disk_ends_with_74_and_its_cause(string commandLine, string? done)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "There is no /dev/full.");
        ProcessRun run = await ShAsync("""printf abc | "$0" "$@" >/dev/full""", commandLine);

        Assert.Equal(74, run.ExitCode);
        Assert.StartsWith("hypercall: Standard output cannot be written: No space left on device.", run.Error, StringComparison.Ordinal);
        Assert.Equal(done is not null, run.Error.Contains(CalledAnyway + done, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_full_disk_under_the_file_of_out_is_an_error_on_standard_output_too()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "There is no /dev/full.");
        CliRun run = await CliRun.OfAsync("send - --function upper_gva --direction both --out /dev/full --vmm fake --json", new MemoryStream([1, 2, 3]));

        Assert.Equal(ExitCode.OutputLost, run.ExitCode);
        Assert.Equal("outputLost", run.Json.GetProperty("error").GetProperty("kind").GetString());
        Assert.Contains("'upper_gva' took 3 of 3 bytes", run.Json.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Output_that_was_closed_from_the_start_is_found_out_before_the_VMM_is_asked()
    {
        ProcessRun run = await ShAsync("""printf abc | "$0" "$@" >&-""", "call foo --vmm fake");

        Assert.Equal((int)ExitCode.Usage, run.ExitCode);
        Assert.DoesNotContain(CalledAnyway, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_appended_to_a_file_stays_in_order()
    {
        string file = Path.GetTempFileName();
        try
        {
            _ = await ShAsync($"{{ echo before; \"$0\" \"$@\"; echo after; }} >'{file}'", "functions boot --vmm fake");
            string[] lines = await File.ReadAllLinesAsync(file);

            Assert.Equal(("before", "1 of 1 found.", "after"), (lines[0], lines[^2], lines[^1]));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<(int ExitCode, string Out, string Error)> RunAsync(string commandLine)
    {
        Assert.SkipUnless(await ProcessRun.CanAsync("mkfifo", "--version"), "There is no mkfifo.");
        ProcessRun run = await ShAsync($"printf abc | {{ {Pipes.WithoutReader}; }}", commandLine);
        return (run.ExitCode, run.Out, run.Error);
    }

    private static async Task<ProcessRun> ShAsync(string script, string commandLine)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || !await ProcessRun.CanAsync("sh", "-c", "true"), "There is no sh.");
        return await ProcessRun.OfAsync("sh", LastResort.Bound, ["-c", script, .. Tool.CommandLine, .. commandLine.Split(' ')]);
    }
}
