using System.Text;
using System.Text.Json;
using FsCheck.Xunit;
using Hypercall.Cli.Terminal;

namespace Hypercall.Cli.Tests.Terminal;

/// <summary>What a terminal is sent that has no box drawing, nor other characters beyond ASCII.</summary>
public class TerminalEncodingTests
{
    [Theory]
    [InlineData("LC_ALL=en_US.ISO-8859-1")]
    [InlineData("LC_ALL=de_DE.ISO-8859-15@euro")]
    [InlineData("LC_ALL=C")]
    [InlineData("LC_ALL=POSIX")]
    [InlineData("LC_ALL=en_US")]      // ISO-8859-1, in glibc
    [InlineData("LC_ALL=ja_JP.eucJP")] // a charset that .NET takes for UTF-8
    [InlineData("LC_ALL=", "LC_CTYPE=ru_RU.KOI8-R", "LANG=ru_RU.UTF-8")]
    [InlineData("TERM=dumb")]
    public async Task A_terminal_without_box_drawing_gets_ASCII(params string[] variables)
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync(["env", .. variables, .. Tool.CommandLine, "functions", "foo", "--vmm", "fake"]);
        string screen = terminal.Expect("EXIT=0");

        Assert.Contains("+------", screen, StringComparison.Ordinal);
        Assert.DoesNotContain('?', screen.Replace("\u001b[?", "", StringComparison.Ordinal)); // the runtime's own sequence for the keypad
        Assert.All(screen, c => Assert.True(char.IsAscii(c), $"U+{(int)c:X4}"));
    }

    [Fact]
    public async Task A_terminal_in_UTF_8_gets_frames()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync(["env", "LC_ALL=en_US.utf8", .. Tool.CommandLine, "functions", "foo", "--vmm", "fake"]);

        Assert.Contains("╭──────┬", Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(terminal.Expect("EXIT=0"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_bar_of_a_transfer_is_ASCII_too_and_so_is_a_name_that_was_cut()
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, new byte[8 << 20]);
            using PseudoTerminal terminal = await PseudoTerminal.RunAsync(
                ["env", "LC_ALL=en_US.ISO-8859-1", .. Tool.CommandLine, "send", file, "--function", "upper_gpa", "--passing", "pages", "--vmm", "fake"]);
            string screen = terminal.Expect("EXIT=0");

            Assert.Contains("100%", screen, StringComparison.Ordinal);
            Assert.All(screen, c => Assert.True(char.IsAscii(c), $"U+{(int)c:X4}"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("LC_ALL=en_US.ISO-8859-1", "'caf\u00e9...\\u03bb'")]
    [InlineData("LC_ALL=C", "'caf\\u00e9...\\u03bb'")]
    public async Task A_name_from_outside_is_legible_in_any_encoding(string variable, string shown)
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync(["env", variable, .. Tool.CommandLine, "call", "caf\u00e9\u2026\u03bb", "--vmm", "fake"]);

        Assert.Contains(shown, terminal.Expect("EXIT=1"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("LC_ALL=en_US.ISO-8859-1")]
    [InlineData("LC_ALL=C")]
    public async Task JSON_is_exact_in_any_encoding(string variable)
    {
        Assert.SkipUnless(await ProcessRun.CanAsync("env", "--version"), "There is no env.");
        const string name = "caf\u00e9\u2026\u03bb\U0001f600";
        ProcessRun run = await ProcessRun.OfAsync("env", LastResort.Bound, [variable, .. Tool.CommandLine, "call", name, "--vmm", "fake", "--json"]);

        Assert.Equal(name, JsonDocument.Parse(run.Out).RootElement.GetProperty("error").GetProperty("function").GetString());
    }

    [Theory]
    [InlineData("iso-8859-1", "LC_ALL", "en_US.ISO-8859-1")]
    [InlineData("iso-8859-1", "LC_ALL", "en_US.ISO8859-1")]
    [InlineData("utf-8", "LC_ALL", "C.UTF-8")]
    [InlineData("utf-8", "LANG", "de_DE.utf8@euro")]
    [InlineData("us-ascii", "LANG", "C")]
    [InlineData("us-ascii", "LC_CTYPE", "ja_JP.SJIS")]
    [InlineData("us-ascii", "LC_MESSAGES", "en_US.UTF-8")] // says in which language, not in which characters
    [InlineData("us-ascii", "NOTHING", "")]
    public void The_locale_says_the_encoding(string expected, string variable, string value) =>
        Assert.Equal(expected, TerminalEncoding.OfLocale(name => name == variable ? value : null, Encoding.ASCII).WebName);

    [Property(MaxTest = 500)]
    public bool No_character_becomes_a_question_mark(string? text)
    {
        Encoding ascii = Encoding.GetEncoding("us-ascii", new AsciiFallback(), DecoderFallback.ExceptionFallback);
        string shown = ascii.GetString(ascii.GetBytes(text ?? ""));

        return shown.Count(c => c == '?') == (text ?? "").Count(c => c == '?');
    }

    [Fact]
    public void Every_character_of_a_frame_is_drawn_in_ASCII() => Assert.All("╭─┬╮│├┼┤╰┴╯━…", c => Assert.DoesNotContain('\\', AsciiFallback.Spell(c)));
}
