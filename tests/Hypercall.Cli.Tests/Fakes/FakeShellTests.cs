using Hypercall.BitVisor;
using Hypercall.Cli.Machines;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Fakes;

/// <summary>The fake VMM's shell keeps to the protocol that the real one has.</summary>
public class FakeShellTests
{
    private const ulong None = ulong.MaxValue;
    private readonly VmmFunction _shell = new Vmm(new FakeVmm().On("dbgsh", new FakeShell().Answer)).GetFunction("dbgsh");

    [Fact]
    public void A_character_stays_until_it_is_acknowledged()
    {
        Assert.Equal('>', Send(None));
        Assert.Equal('>', Send(None));
        Assert.Equal(' ', Send(0));
    }

    [Fact]
    public void A_key_that_comes_while_a_character_is_pending_is_lost()
    {
        Assert.Equal('>', Send('x'));
        Assert.Equal(' ', Send(0));
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

    private void SkipPrompt()
    {
        _ = Send(None);
        _ = Send(0);
        Assert.Equal(0ul, Send(0));
    }

    private ulong Send(ulong rbx) => _shell.Call(rbx).Rax;
}
