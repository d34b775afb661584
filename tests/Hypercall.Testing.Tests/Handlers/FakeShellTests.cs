using System.Text;
using Hypercall.BitVisor;

namespace Hypercall.Testing.Tests.Handlers;

/// <summary>The fake VMM's shell keeps to the protocol that the real one has.</summary>
public class FakeShellTests
{
    private const ulong None = ulong.MaxValue;
    private readonly HypercallFunction _shell = new BitVisorClient(new FakeMachine().On("dbgsh", new FakeShell().Answer)).GetFunction("dbgsh");

    [Fact]
    public void A_character_stays_until_it_is_acknowledged()
    {
        Assert.Equal('>', Send(None));
        Assert.Equal('>', Send(None));
        Assert.Equal(' ', Send(0));
    }

    [Fact]
    public void A_key_that_comes_while_a_character_is_pending_acknowledges_it_and_is_lost()
    {
        Assert.Equal('>', Send(None));
        Assert.Equal(' ', Send('x'));
        Assert.Equal(0ul, Send(0));
        Assert.Equal('y', Send('y'));
    }

    [Fact]
    public void It_has_nothing_to_say_yet_while_it_runs_a_command()
    {
        SkipPrompt();
        Assert.Equal('\n', Send('\n'));
        Assert.Equal(None, Send(0));
        Assert.Equal('>', Send(None));
    }

    [Fact]
    public void The_NUL_key_is_echoed_as_a_NUL()
    {
        SkipPrompt();
        Assert.Equal(0x100ul, Send(0x100));
        Assert.Equal(0ul, Send(0));
    }

    [Fact]
    public void Its_end_stays_until_it_is_acknowledged_and_then_a_new_session_begins()
    {
        SkipPrompt();
        foreach (char key in "exit")
        {
            Assert.Equal(key, Send(key));
            Assert.Equal(0ul, Send(0));
        }

        Assert.Equal('\n', Send('\n'));
        Assert.Equal(None, Send(0));
        Assert.Equal(0x10Aul, Send(None));
        Assert.Equal(0x10Aul, Send(None));
        _ = Send(0);
        Assert.Equal('>', Send(None));
    }

    [Fact]
    public void A_key_that_starts_the_shell_is_lost()
    {
        Assert.Equal('>', Send('x'));
        Assert.Equal(' ', Send(0));
        Assert.Equal(0ul, Send(0));
    }

    [Theory]
    [InlineData("say  Hello, VMM \n", "Hello, VMM|")]
    [InlineData("say\n", "|")]
    [InlineData("sa\n", "sa: unknown command, try help\n")]
    [InlineData("saying\n", "saying: unknown command, try help\n")]
    [InlineData("help\n", "help: prints this\nexit: ends the shell\nsay: says it\nnothing\n")]
    [InlineData("nothing\n", "")]
    public void A_command_of_the_tests_own_gets_the_rest_of_its_line(string typed, string printed)
    {
        FakeShell shell = new FakeShell()
            .AddCommand("say", _ => throw new InvalidOperationException("This one was replaced."))
            .AddCommand("say", what => $"{what}|", "says it")
            .AddCommand("nothing", _ => "");

        Assert.Equal($"> {typed}{printed}> ", Talk(shell, typed, VmmShellOutcome.EndOfInput));
    }

    [Fact]
    public void What_is_no_Latin_1_is_printed_as_a_question_mark() =>
        Assert.Equal("> x\n?\u00e4> ", Talk(new FakeShell().AddCommand("x", _ => "\u03c9\u00e4"), "x\n", VmmShellOutcome.EndOfInput));

    [Fact]
    public void Turned_off_by_configuration_it_says_so_each_time_and_ends()
    {
        FakeShell shell = new() { IsEnabled = false };
        FakeMachine vmm = new FakeMachine().On("dbgsh", shell.Answer);

        for (int session = 0; session < 2; session++)
        {
            using MemoryStream output = new();
            Assert.Equal(VmmShellOutcome.Disabled, new VmmShell(new BitVisorClient(vmm)).Run(Stream.Null, output));
            Assert.Contains("disabled", Encoding.Latin1.GetString(output.ToArray()), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_second_program_gets_what_the_first_one_left()
    {
        FakeMachine vmm = new FakeMachine().On("dbgsh", new FakeShell().Answer);
        Assert.Equal('>', new BitVisorClient(vmm).GetFunction("dbgsh").Call(None).Rax);

        Assert.Equal('>', new BitVisorClient(vmm).GetFunction("dbgsh").Call(None).Rax);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("two words")]
    [InlineData("exit")]
    public void A_name_that_nobody_could_type_or_that_ends_the_shell_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => new FakeShell().AddCommand(name, _ => ""));

    private static string Talk(FakeShell shell, string typed, VmmShellOutcome expected)
    {
        using MemoryStream output = new();
        VmmShell client = new(new BitVisorClient(new FakeMachine().On("dbgsh", shell.Answer)));
        Assert.Equal(expected, client.Run(new MemoryStream(Encoding.Latin1.GetBytes(typed)), output));
        return Encoding.Latin1.GetString(output.ToArray());
    }

    private void SkipPrompt()
    {
        _ = Send(None);
        _ = Send(0);
        Assert.Equal(0ul, Send(0));
    }

    private ulong Send(ulong rbx) => _shell.Call(rbx).Rax;
}
