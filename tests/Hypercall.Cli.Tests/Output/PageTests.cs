using FsCheck.Xunit;
using Hypercall.Cli.Output;
using Spectre.Console;

namespace Hypercall.Cli.Tests.Output;

public class PageTests
{
    private const string Escape = "\u001b";

    [Theory]
    [InlineData("detect --vmm fake")]
    [InlineData("call foo --vmm fake")]
    [InlineData("raw --rax 1 --vmm fake")]
    [InlineData("functions --vmm fake")]
    [InlineData("demo")]
    [InlineData("status --vmm fake")]
    [InlineData("memory --compact --frames --vmm fake")]
    public async Task Redirected_output_is_plain_ASCII_without_escape_sequences_or_borders(string commandLine)
    {
        CliRun run = await CliRun.OfAsync(commandLine);

        Assert.DoesNotContain(Escape, run.Out, StringComparison.Ordinal);
        Assert.All(run.Out, c => Assert.True(c is >= ' ' and <= '~' or '\n' or '\r' or '\t', $"U+{(int)c:X4}"));
    }

    [Theory]
    [InlineData("detect --vmm fake")]
    [InlineData("call foo --vmm fake")]
    [InlineData("raw --rax 1 --vmm fake")]
    [InlineData("functions --vmm fake")]
    [InlineData("demo")]
    [InlineData("status --vmm fake")]
    [InlineData("memory --compact --frames --vmm fake")]
    public async Task A_terminal_gets_the_same_facts(string commandLine)
    {
        using StringWriter results = new();
        using StringWriter errors = new();
        ExitCode code = await CliApplication.RunAsync(commandLine.Split(' '), new CliHost(results, errors) { OutIsTerminal = true, ErrorIsTerminal = true });

        Assert.Equal(ExitCode.Done, code);
        Assert.NotEmpty(results.ToString());
        Assert.Empty(errors.ToString());
    }

    [Fact]
    public async Task An_error_on_a_terminal_says_the_same_as_a_redirected_one()
    {
        using StringWriter results = new();
        using StringWriter errors = new();
        ExitCode code = await CliApplication.RunAsync(
            ["call", "[red]bar[/]", "--vmm", "fake"], new CliHost(results, errors) { OutIsTerminal = true, ErrorIsTerminal = true });

        Assert.Equal(ExitCode.Refused, code);
        Assert.Contains("'[red]bar[/]'", errors.ToString(), StringComparison.Ordinal);
    }

    [Property(MaxTest = 300)]
    public void No_text_from_outside_is_read_as_markup_or_reaches_a_terminal_as_control(string? text)
    {
        string outside = "[bold]" + (text ?? "") + Escape + "]0;title\u0007[/nonsense";
        using StringWriter writer = new();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(writer),
        });
        RichPage page = new(console);
        page.Facts((outside, outside));
        page.Table([outside], [[outside]]);
        page.Text(outside);

        Assert.DoesNotContain(Escape, writer.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\u0007', writer.ToString());
        Assert.Contains("[bold]", writer.ToString(), StringComparison.Ordinal);
    }

    [Property(MaxTest = 500)]
    public bool A_line_stays_one_line(string? text) =>
        !Printable.Line(text ?? "").Any(c => char.IsControl(c) || c is '\u2028' or '\u2029' or '\u202e');

    [Property(MaxTest = 500)]
    public bool Text_that_is_safe_is_left_alone(string? text)
    {
        string safe = new([.. (text ?? "").Where(char.IsAsciiLetterOrDigit)]);
        return Printable.Line(safe) == safe && Printable.Lines(safe + "\n" + safe) == safe + "\n" + safe;
    }

    [Fact]
    public async Task JSON_escapes_control_characters_too()
    {
        CliRun run = await CliRun.OfAsync("detect --json", Machines.Fake(Machines.Amd with { Brand = "\u001b[2J\u009b2J'" }));

        Assert.All(run.Out, c => Assert.True(!char.IsControl(c) || c is '\n' or '\r', $"U+{(int)c:X4}"));
        Assert.Equal("\u001b[2J\u009b2J'", run.Json.GetProperty("cpuBrand").GetString());
        Assert.Contains("2J'", run.Out, StringComparison.Ordinal);
    }
}
