using System.Text;
using FsCheck.Xunit;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public class ShellCommandTests
{
    private const string Session = "> help\nhelp: prints this\nexit: ends the shell\n> exit\n";

    [Fact]
    public async Task In_a_pipe_it_prints_what_the_shell_prints_and_nothing_else()
    {
        CliRun run = await CliRun.OfAsync("shell --vmm fake", Input("help\nexit\n"));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(Session, Encoding.UTF8.GetString(run.Bytes));
        Assert.Equal(("", ""), (run.Out, run.Error));
    }

    [Theory]
    [InlineData("", "> ")]
    [InlineData("hel", "> hel")]
    [InlineData("make tea\n", "> make tea\nmake tea: unknown command, try help\n> ")]
    public async Task The_end_of_the_input_ends_the_session(string input, string output)
    {
        CliRun run = await CliRun.OfAsync("shell --vmm fake", Input(input));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(output, Encoding.UTF8.GetString(run.Bytes));
    }

    [Fact]
    public async Task What_follows_the_end_of_the_shell_is_left_for_the_next_program()
    {
        MemoryStream input = Input("exit\nls\n");
        _ = await CliRun.OfAsync("shell --vmm fake", input);

        Assert.Equal("exit\n".Length, input.Position);
    }

    [Property(MaxTest = 100)]
    public bool Bytes_go_through_unchanged(byte[]? bytes)
    {
        CliRun run = CliRun.OfAsync("shell", new MemoryStream(bytes ?? []), Machines.Use(Echo())).GetAwaiter().GetResult();

        return run.ExitCode == ExitCode.Done && run.Bytes.AsSpan().SequenceEqual(bytes);
    }

    [Fact]
    public async Task Turned_off_by_the_configuration_it_prints_what_the_VMM_says_and_exits_1()
    {
        CliRun run = await CliRun.OfAsync("shell", Input("help\n"), Machines.Use(Disabled()));

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Equal("dbgsh is disabled.\n", Encoding.UTF8.GetString(run.Bytes));
        Assert.Contains("vmm.dbgsh", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(FakeVmmPersonality.BitVisor), 1)] // this one has no dbgsh
    [InlineData(nameof(FakeVmmPersonality.Deaf), 1)]
    [InlineData(nameof(FakeVmmPersonality.None), 3)]
    [InlineData(nameof(FakeVmmPersonality.Kvm), 4)]
    public async Task Nobody_to_talk_to_has_its_exit_code(string personality, int expected) =>
        Assert.Equal(expected, (int)(await CliRun.OfAsync("shell", Machines.Use(new FakeMachine(FakeVmmPersonality.All.Single(one => one.Name == personality))))).ExitCode);

    [Fact]
    public async Task With_JSON_what_the_shell_printed_is_collected()
    {
        CliRun run = await CliRun.OfAsync("shell --vmm fake --json", Input("help\nexit\n"));

        Assert.Equal("ended", run.Json.GetProperty("outcome").GetString());
        Assert.Equal(Session, run.Json.GetProperty("output").GetString());
        Assert.Empty(run.Bytes);
    }

    [Fact]
    public async Task With_JSON_too_a_shell_that_is_turned_off_exits_1()
    {
        CliRun run = await CliRun.OfAsync("shell --json", Input(""), Machines.Use(Disabled()));

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Equal("disabled", run.Json.GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task With_JSON_keys_are_not_typed()
    {
        using StringWriter results = new();
        using StringWriter errors = new();
        ExitCode code = await CliApplication.RunAsync(["shell", "--vmm", "fake", "--json"], new CliHost(results, errors) { InputIsTerminal = true });

        Assert.Equal(ExitCode.Usage, code);
    }

    [Fact]
    public async Task Cancelled_while_it_waits_for_a_key_it_exits_130_and_what_was_printed_is_out()
    {
        using CancellationTokenSource source = new();
        using SilentStream input = new(whenRead: source.Cancel);
        CliRun run = await CliRun.OfAsync(["shell", "--vmm", "fake"], input, services: null, source.Token);

        Assert.Equal(ExitCode.Cancelled, run.ExitCode);
        Assert.Equal("> ", Encoding.UTF8.GetString(run.Bytes));
    }

    private static MemoryStream Input(string text) => new(Encoding.UTF8.GetBytes(text));

    private static FakeMachine Disabled()
    {
        Queue<ulong> answers = new([.. "dbgsh is disabled.\n".Select(c => (ulong)c), 0x10A]);
        return new FakeMachine().On("dbgsh", call =>
        {
            _ = call.Rbx == 0 && answers.Count > 1 ? answers.Dequeue() : 0;
            call.Rax = answers.Peek();
        });
    }

    /// <summary>A shell that gives each key back.</summary>
    private static FakeMachine Echo()
    {
        ulong pending = 0;
        return new FakeMachine().On("dbgsh", call =>
        {
            pending = call.Rbx == ulong.MaxValue ? pending : call.Rbx;
            call.Rax = pending;
        });
    }

    /// <summary>Input from which nothing ever comes.</summary>
    private sealed class SilentStream(Action whenRead) : MemoryStream
    {
        private readonly ManualResetEventSlim _over = new();

        public override int Read(byte[] buffer, int offset, int count)
        {
            whenRead();
            _over.Wait();
            return 0;
        }

        protected override void Dispose(bool disposing)
        {
            _over.Set();
            base.Dispose(disposing);
        }
    }
}
