using Hypercall.Cli.Commands;

namespace Hypercall.Cli.Tests;

public class HelpTests
{
    public static TheoryData<string> Commands => [.. CliApplication.CreateCommands().Select(command => command.Name)];

    [Fact]
    public async Task The_help_of_the_tool_names_every_command_and_every_exit_code()
    {
        CliRun run = await CliRun.OfAsync("--help");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Empty(run.Error);
        foreach (CliCommand command in CliApplication.CreateCommands())
        {
            Assert.Contains($"\n  {command.Name} ", run.Out, StringComparison.Ordinal);
        }

        foreach (ExitCode code in Enum.GetValues<ExitCode>())
        {
            string meaning = Assert.Single(ExitCodes.All, entry => entry.Code == code).Meaning;
            Assert.Contains($" {(int)code}  {meaning}", run.Out, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task The_help_of_a_command_shows_the_common_options_and_examples(string name)
    {
        CliRun run = await CliRun.OfAsync($"{name} --help");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        foreach (string option in (string[])["--vmm <real|fake>", "--instruction <auto|vmcall|vmmcall>", "--json", "Examples:", $"  hypercall {name}"])
        {
            Assert.Contains(option, run.Out, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task The_help_of_a_command_says_no_default_twice(string name)
    {
        CliRun run = await CliRun.OfAsync($"{name} --help");

        Assert.DoesNotContain(run.Out.Split('\n'), line => line.Split("[default:").Length > 2);
    }

    [Theory]
    [InlineData("call --help")] // without the name that it needs
    [InlineData("call foo --nonsense --help")]
    [InlineData("call foo --rbx ten --help")]
    [InlineData("call foo --help --rbx ten")]
    [InlineData("call --convention nobody -h")]
    [InlineData("help --json")]
    [InlineData("--vmm fake --help")]
    public async Task Help_wins_over_bad_usage(string commandLine)
    {
        CliRun run = await CliRun.OfAsync(commandLine);

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.StartsWith("Description:", run.Out, StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Every_example_is_good_usage(string name)
    {
        CliCommand command = CliApplication.CreateCommands().Single(known => known.Name == name);
        DirectoryInfo directory = Directory.CreateTempSubdirectory("hypercall-help-");
        string data = Path.Combine(directory.FullName, "data.bin");
        await File.WriteAllTextAsync(data, "abc");
        foreach ((string example, _) in command.Examples)
        {
            // A pipe, or a second command, is the shell's; a fake VMM keeps the test off the real one.
            string words = example.Split('|', '&', '<')[0].Trim();
            string fake = words.Contains("--vmm", StringComparison.Ordinal) || words.Contains("--fake", StringComparison.Ordinal) ? "" : " --vmm fake";
            if (words.Contains("--vmm real", StringComparison.Ordinal))
            {
                continue;
            }

            string there = (words["hypercall ".Length..] + fake).Replace("data.bin", data, StringComparison.Ordinal)
                .Replace("back.bin", data + ".back", StringComparison.Ordinal);
            using CancellationTokenSource end = new(); // --follow has none of its own
            if (words.Contains("--follow", StringComparison.Ordinal))
            {
                end.CancelAfter(TimeSpan.FromSeconds(1));
            }

            string[] args = there.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            CliRun run = await CliRun.OfAsync(args, new MemoryStream("abc"u8.ToArray()), cancellationToken: end.Token);

            Assert.True(run.ExitCode is not ExitCode.Usage and not ExitCode.Internal, $"{example}: {run.Error}");
        }

        directory.Delete(recursive: true);
    }

    [Theory]
    [InlineData("help", "--help")]
    [InlineData("help call", "call --help")]
    public async Task Help_is_a_word_too(string word, string option)
    {
        CliRun run = await CliRun.OfAsync(word);

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal((await CliRun.OfAsync(option)).Out, run.Out);
    }

    [Theory]
    [InlineData("A VMM, or hypervisor, is")] // the words that every other help uses
    [InlineData("is its guest")]
    [InlineData("A hypercall is an instruction")]
    [InlineData("--fake bitvisor|bitvisor-as-seen|kvm|kvm-hyperv|xen|xen-pv|hyperv|vmware|acrn|nyx|deaf|none")]
    public async Task The_help_of_the_tool_explains_its_words(string words) =>
        Assert.Contains(words, (await CliRun.OfAsync("--help")).Out, StringComparison.Ordinal);

    [Fact]
    public async Task The_version_is_one_line()
    {
        CliRun run = await CliRun.OfAsync("--version");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Single(run.Out.Trim().Split('\n'));
    }
}
