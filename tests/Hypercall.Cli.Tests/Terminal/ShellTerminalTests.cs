using System.Globalization;

namespace Hypercall.Cli.Tests.Terminal;

/// <summary>The shell as a person has it: keys, echo, and the terminal afterwards.</summary>
public class ShellTerminalTests
{
    private const int SigHup = 1;
    private const int SigInt = 2;
    private const int SigQuit = 3;
    private const int SigKill = 9;
    private const int SigUsr1 = 10;
    private const int SigAlrm = 14;
    private const int SigTerm = 15;
    private const int SigCont = 18;
    private const int SigStop = 19;
    private const int SigTstp = 20;
    private const int SigXcpu = 24;
    private const int SigWinch = 28;

    [Fact]
    public async Task Keys_are_echoed_once_and_the_terminal_is_as_before()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync([.. Tool.CommandLine, "shell", "--vmm", "fake"]);
        _ = terminal.Expect("Ctrl-D leaves.\r\n");
        _ = terminal.Expect("> ");
        Assert.False(terminal.IsCooked);
        terminal.Type("h");
        Assert.Equal("h", terminal.Expect("h")); // at once, without Enter
        terminal.Type("elp\n");
        Assert.Equal("elp\r\nhelp: prints this\r\nexit: ends the shell\r\n> ", terminal.Expect("> "));
        terminal.Type("exit\r"); // what the Enter key of a terminal really sends
        Assert.Equal("exit\r\nEXIT=0", terminal.Expect("EXIT=0"));
        terminal.AssertRestored();
    }

    [Theory]
    [InlineData("\u0003", 130)] // Ctrl-C
    [InlineData("\u0004", 0)]   // Ctrl-D
    public async Task A_person_gets_out_and_the_terminal_is_as_before(string key, int expected)
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync([.. Tool.CommandLine, "shell", "--vmm", "fake"]);
        _ = terminal.Expect("> ");
        terminal.Type("half a line" + key);
        _ = terminal.Expect($"EXIT={expected}");
        terminal.AssertRestored();
    }

    [Theory]
    [InlineData(SigTerm, 130)]
    [InlineData(SigInt, 130)]
    [InlineData(SigHup, 128 + SigHup)] // not the tool's business: it ends as signals end a process
    [InlineData(SigQuit, 128 + SigQuit)]
    [InlineData(SigUsr1, 128 + SigUsr1)]
    [InlineData(SigAlrm, 128 + SigAlrm)]
    [InlineData(SigXcpu, 128 + SigXcpu)] // ulimit -t
    public async Task After_a_signal_the_terminal_is_as_before(int signal, int expected)
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync([.. Tool.CommandLine, "shell", "--vmm", "fake"]);
        int process = ProcessOf(terminal);
        _ = terminal.Expect("> ");
        Assert.False(terminal.IsCooked);
        Assert.Equal(0, PseudoTerminal.Kill(process, signal));
        _ = terminal.Expect($"EXIT={expected}");
        terminal.AssertRestored();
    }

    [Fact]
    public async Task After_a_stop_the_terminal_is_raw_again()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync([.. Tool.CommandLine, "shell", "--vmm", "fake"]);
        int process = ProcessOf(terminal);
        _ = terminal.Expect("> ");
        terminal.Attributes = terminal.Before; // as the user's shell does while the program is stopped
        Assert.True(terminal.IsCooked);
        Assert.Equal(0, PseudoTerminal.Kill(process, SigCont));
        terminal.Until(() => !terminal.IsCooked, () => "the terminal is raw");
        terminal.Type("\u0004");
        _ = terminal.Expect("EXIT=0");
        terminal.AssertRestored();
    }

    [Fact]
    public async Task A_job_that_began_in_the_background_is_raw_in_the_foreground()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunBehindAsync([.. Tool.CommandLine, "shell", "--vmm", "fake"]);
        _ = terminal.Expect("> ");
        Assert.True(terminal.IsCooked);
        terminal.Type("\n"); // and the user's shell brings it to the front
        terminal.Until(() => !terminal.IsCooked, () => "the terminal is raw");
        terminal.Type("\u0004");
        _ = terminal.Expect("EXIT=0");
        terminal.AssertRestored();
    }

    [Fact]
    public async Task A_terminal_that_controls_no_session_is_raw_too()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunUncontrolledAsync([.. Tool.CommandLine, "shell", "--vmm", "fake"]);
        _ = terminal.Expect("> ");
        Assert.False(terminal.IsCooked);
        terminal.Type("\u0004");
        _ = terminal.Expect("EXIT=0");
        terminal.AssertRestored();
    }

    [Fact]
    public async Task While_it_is_stopped_the_terminal_is_as_before()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunJobAsync([.. Tool.CommandLine, "shell", "--vmm", "fake"]);
        int process = ProcessOf(terminal);
        _ = terminal.Expect("> ");
        Assert.False(terminal.IsCooked);
        Assert.Equal(0, PseudoTerminal.Kill(process, SigTstp));
        _ = terminal.Expect($"EXIT={128 + SigStop}");
        terminal.AssertRestored();
        terminal.Type("\n"); // and the user's shell brings it back
        terminal.Until(() => !terminal.IsCooked, () => "the terminal is raw");
        terminal.Type("\u0004");
        _ = terminal.Expect("EXIT=0");
        terminal.AssertRestored();
    }

    [Fact]
    public async Task Orphaned_behind_another_job_it_ends_at_the_next_key_and_leaves_the_terminal_as_before()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunJobAsync(["sh", "-c", "\"$0\" \"$@\"; true", .. Tool.CommandLine, "shell", "--vmm", "fake"]);
        int parent = ProcessOf(terminal);
        _ = terminal.Expect("> ");
        Assert.False(terminal.IsCooked);
        Assert.Equal(0, PseudoTerminal.Kill(parent, SigKill));
        _ = terminal.Expect($"EXIT={128 + SigKill}"); // the user's shell has the terminal again, and it is raw
        terminal.Type("x");
        terminal.Until(() => terminal.IsCooked, () => "the terminal is as before");
        terminal.AssertRestored();
    }

    [Theory]
    [InlineData("throw", 128 + 6)] // SIGABRT
    [InlineData("exit", 9)]
    public async Task After_an_end_that_nobody_planned_the_terminal_is_as_before(string how, int expected)
    {
        string hook = typeof(ShellTerminalTests).Assembly.Location;
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync(
            ["env", $"DOTNET_STARTUP_HOOKS={hook}", $"{StartupHook.Variable}={how}", .. Tool.CommandLine, "shell", "--vmm", "fake"]);
        int process = ProcessOf(terminal);
        _ = terminal.Expect("> ");
        Assert.False(terminal.IsCooked);
        Assert.Equal(0, PseudoTerminal.Kill(process, SigWinch));
        _ = terminal.Expect($"EXIT={expected}");
        terminal.AssertRestored();
    }

    [Fact]
    public async Task After_the_reader_of_its_output_went_away_the_terminal_is_as_before()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync(["sh", "-c", Pipes.WithoutReader, .. Tool.CommandLine, "shell", "--vmm", "fake"]);
        _ = terminal.Expect("EXIT=141");
        terminal.AssertRestored();
    }

    [Theory]
    [InlineData("HUP", SigHup)]
    [InlineData("INT", SigInt)]
    [InlineData("QUIT", SigQuit)]
    public async Task A_signal_that_was_ignored_when_it_began_stays_ignored(string name, int signal)
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync(["env", $"--ignore-signal={name}", .. Tool.CommandLine, "shell", "--vmm", "fake"]);
        int process = ProcessOf(terminal);
        _ = terminal.Expect("> ");
        Assert.Equal(0, PseudoTerminal.Kill(process, signal));
        terminal.Type("help\n");
        _ = terminal.Expect("help: prints this");
        terminal.Type("\u0004");
        _ = terminal.Expect("EXIT=0");
        terminal.AssertRestored();
    }

    [Fact]
    public async Task SIGTERM_ends_it_even_where_it_was_ignored() // .NET takes it in any case
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync(["env", "--ignore-signal=TERM", .. Tool.CommandLine, "shell", "--vmm", "fake"]);
        int process = ProcessOf(terminal);
        _ = terminal.Expect("> ");
        Assert.Equal(0, PseudoTerminal.Kill(process, SigTerm));
        _ = terminal.Expect("EXIT=130");
        terminal.AssertRestored();
    }

    [Theory]
    [InlineData(SigInt, 130)]
    [InlineData(SigHup, 128 + SigHup)]
    public async Task These_tests_hold_under_nohup_and_in_the_background_of_a_script(int signal, int expected)
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunFromOneThatIgnoresAsync("HUP,INT,QUIT", [.. Tool.CommandLine, "shell", "--vmm", "fake"]);
        int process = ProcessOf(terminal);
        _ = terminal.Expect("> ");
        Assert.Equal(0, PseudoTerminal.Kill(process, signal));
        _ = terminal.Expect($"EXIT={expected}");
    }

    [Fact]
    public async Task Where_the_VMM_says_no_the_terminal_is_never_touched()
    {
        using PseudoTerminal terminal = await PseudoTerminal.RunAsync([.. Tool.CommandLine, "shell", "--fake", "kvm"]);
        _ = terminal.Expect("EXIT=4");
        terminal.AssertRestored();
    }

    [Theory]
    [InlineData("help\\nexit\\n", "> help\nhelp: prints this\nexit: ends the shell\n> exit\n")]
    [InlineData("help\\n", "> help\nhelp: prints this\nexit: ends the shell\n> ")]
    [InlineData("", "> ")]
    public async Task In_a_pipe_bytes_go_through_and_the_end_of_input_ends_it(string keys, string output)
    {
        Assert.SkipUnless(await ProcessRun.CanAsync("sh", "-c", "true"), "There is no sh.");
        ProcessRun run = await ProcessRun.OfAsync("sh", LastResort.Bound, ["-c", $"printf '{keys}' | \"$0\" \"$@\" | cat", .. Tool.CommandLine, "shell", "--vmm", "fake"]);

        Assert.Equal((output, ""), (run.Out, run.Error));
    }

    [Fact]
    public async Task A_person_sees_how_far_a_transfer_is()
    {
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, new byte[8 << 20]);
            using PseudoTerminal terminal = await PseudoTerminal.RunAsync([.. Tool.CommandLine, "send", file, "--function", "upper_gpa", "--passing", "pages", "--vmm", "fake"]);
            Assert.Contains("100%", terminal.Expect("EXIT=0"), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static int ProcessOf(PseudoTerminal terminal)
    {
        _ = terminal.Expect("PID=");
        return int.Parse(terminal.Expect("\n"), CultureInfo.InvariantCulture);
    }
}
