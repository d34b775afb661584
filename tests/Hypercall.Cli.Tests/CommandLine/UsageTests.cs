using System.Text.Json;
using FsCheck.Xunit;

namespace Hypercall.Cli.Tests.CommandLine;

public class UsageTests
{
    public static TheoryData<string, string> BadUsage => new()
    {
        { "", "No command was given" },
        { "cal foo", "There is no command 'cal'" },
        { "call", "Say which function: by its name (NAME), or by --convention and --number." },
        { "call foo bar", "'bar' is one argument too many" },
        { "call foo --rbz 1", "'--rbz' is no option of this command. Did you mean --r" },
        { "call --rbz 1 foo", "'--rbz' is no option of this command. Did you mean --r" },
        { "call foo --RBX 1", "Did you mean --rbx?" },
        { "call --conv kvm", "Did you mean --convention?" },
        { "send - --function f --rbx 1", "'hypercall call', 'hypercall raw' have it" },
        { "call foo --zzzzzz", "'--zzzzzz' is no option of this command." },
        { "dmeo", "There is no command 'dmeo'. Did you mean 'demo'?" },
        { "CALL foo", "Did you mean 'call'?" },
        { "dmeo --help", "Did you mean 'demo'?" },
        { "help dmeo", "Did you mean 'demo'?" },
        { "-x", "'-x' is no option of hypercall itself" },
        { "--vmm fake", "'--vmm' is no option of hypercall itself: options come after a command" },
        { "--vmm fake call foo", "'--vmm' stands before the command: options come after it" },
        { "functions --nonsense", "'--nonsense' is no option" },
        { "functions foo -x", "'-x' is no option" },
        { "call --nonsense", "--nonsense" },
        { "call foo --rbx", "--rbx" },
        { "call foo --rbx ten", "'ten' is no register value" },
        { "call foo --rbx 18446744073709551616", "does not fit into a 64-bit register" },
        { "call foo --rbx -9223372036854775809", "does not fit into a 64-bit register" },
        { "call foo --rbx 1 --rbx 2", "--rbx" },
        { "detect --vmm imaginary", "real|fake" },
        { "detect --instruction syscall", "auto|vmcall|vmmcall" },
        { "detect --fake hal", "bitvisor|bitvisor-as-seen|kvm|kvm-hyperv|" },
        { "detect --vmm real --fake kvm", "--fake" },
        { "raw", "at least one register" },
        { "raw --convention kvm --number 1", "no option of this command; 'hypercall call', 'hypercall send' have it." },
        { "call foo --arg 1 2", "'2' is one argument too many" },
        { "send -", "Say which function: by its name (--function), or by --convention and --number." },
    };

    [Theory]
    [MemberData(nameof(BadUsage))]
    public async Task Bad_usage_exits_2_and_says_on_standard_error_what_is_wrong_and_where_help_is(string commandLine, string mentions)
    {
        CliRun run = await CliRun.OfAsync(commandLine);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(mentions, run.Error, StringComparison.Ordinal);
        Assert.Contains("--help'.", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }

    [Theory]
    [MemberData(nameof(BadUsage))]
    public async Task Bad_usage_is_a_JSON_document_for_a_program(string commandLine, string mentions)
    {
        CliRun run = await CliRun.OfAsync(commandLine + " --json");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Equal(2, run.Json.GetProperty("exitCode").GetInt32());
        JsonElement error = run.Json.GetProperty("error");
        Assert.Equal("usage", error.GetProperty("kind").GetString());
        Assert.Contains(mentions, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Theory]
    [InlineData("quite-another")]
    [InlineData("x")]
    public async Task A_word_that_is_like_no_command_gets_no_guess(string word) =>
        Assert.DoesNotContain("Did you mean", (await CliRun.OfAsync(word)).Error, StringComparison.Ordinal);

    [Theory]
    [InlineData("detect --vmm fake --instruction auto")]
    [InlineData("memory --vmm fake --residency all")]
    [InlineData("memory --vmm fake --residency touched")]
    public async Task The_word_for_the_default_may_be_said(string commandLine) =>
        Assert.Equal(ExitCode.Done, (await CliRun.OfAsync(commandLine)).ExitCode);

    [Fact]
    public async Task The_hint_names_the_command_whose_help_to_read() =>
        Assert.Contains("See 'hypercall call --help'.", (await CliRun.OfAsync("call")).Error, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public async Task What_is_no_name_is_bad_usage(string name)
    {
        CliRun run = await CliRun.OfAsync(["call", name, "--vmm", "fake"]);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("name of a VMM function", run.Error, StringComparison.Ordinal);
    }

    [Fact] // a test runner cannot hand half of a surrogate pair over as a case of a theory
    public async Task Half_of_a_surrogate_pair_is_no_name() =>
        Assert.Equal(ExitCode.Usage, (await CliRun.OfAsync(["call", "\ud800", "--vmm", "fake"])).ExitCode);

    [Theory]
    [InlineData("call")]
    [InlineData("functions")]
    public async Task A_name_longer_than_the_VMM_reads_is_bad_usage(string command)
    {
        CliRun run = await CliRun.OfAsync([command, new string('é', 128), "--vmm", "fake"]); // 256 bytes of UTF-8

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("at most 255 bytes of UTF-8; this one has 256", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_may_begin_with_an_at_sign_or_a_dash()
    {
        Assert.Equal(ExitCode.Refused, (await CliRun.OfAsync("call @foo --vmm fake")).ExitCode); // no response file
        Assert.Equal(ExitCode.Refused, (await CliRun.OfAsync("call --vmm fake -- --json")).ExitCode);
    }

    [Property(MaxTest = 200)]
    public void No_words_end_the_process_or_count_as_an_internal_error(string?[] words)
    {
        string[] args = [.. words.Select(word => word ?? ""), "--vmm", "fake"];
        ExitCode code = CliRun.OfAsync(args).GetAwaiter().GetResult().ExitCode;

        Assert.NotEqual(ExitCode.Internal, code);
    }
}
