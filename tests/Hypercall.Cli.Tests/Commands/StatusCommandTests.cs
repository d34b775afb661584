using System.Text;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public class StatusCommandTests
{
    [Fact]
    public async Task It_prints_what_the_VMM_says_and_nothing_else()
    {
        CliRun run = await CliRun.OfAsync("status", Machines.Use(Saying("up: yes\ncpus:\t4\n")));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(["up: yes", "cpus:    4", ""], run.Out.Split('\n').Select(line => line.TrimEnd('\r')));
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task Its_JSON_has_the_text_as_it_is()
    {
        CliRun run = await CliRun.OfAsync("status --json", Machines.Use(Saying("up:\tyes\r\n\u001b[2J\n")));

        Assert.Equal(["function", "text"], run.Json.EnumerateObject().Select(property => property.Name));
        Assert.Equal("get_status", run.Json.GetProperty("function").GetString());
        Assert.Equal("up:\tyes\r\n\u001b[2J\n", run.Json.GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_text_that_would_drive_the_terminal_is_escaped() =>
        Assert.DoesNotContain("\u001b", (await CliRun.OfAsync("status", Machines.Use(Saying("\u001b[2J")))).Out, StringComparison.Ordinal);

    [Fact]
    public async Task The_fake_VMM_has_a_status() =>
        Assert.Contains("Fake VMM: running.", (await CliRun.OfAsync("status --vmm fake")).Out, StringComparison.Ordinal);

    [Fact]
    public async Task A_text_longer_than_a_page_arrives_whole()
    {
        string text = string.Concat(Enumerable.Range(0, 2000).Select(line => $"line {line}\n"));
        Assert.Equal(text, (await CliRun.OfAsync("status --json", Machines.Use(Saying(text)))).Json.GetProperty("text").GetString());
    }

    [Fact]
    public async Task Turned_off_by_the_configuration_it_exits_1_and_names_the_setting()
    {
        CliRun run = await CliRun.OfAsync("status", Machines.Use(new FakeMachine().On("get_status", _ => { })));

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Contains("vmm.status", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }

    [Fact]
    public async Task Not_delivered_in_three_tries_it_exits_1()
    {
        int tries = 0;
        FakeMachine fake = new FakeMachine().On("get_status", call => (call.Rax, call.Rcx, tries) = (1, 1, tries + 1));
        CliRun run = await CliRun.OfAsync("status --json", Machines.Use(fake));

        Assert.Equal((ExitCode.Refused, 3), (run.ExitCode, tries));
        Assert.Equal("functionFailed", run.Json.GetProperty("error").GetProperty("kind").GetString());
    }

    [Fact]
    public async Task An_answer_that_the_ABI_does_not_know_exits_1_and_shows_it()
    {
        CliRun run = await CliRun.OfAsync("status", Machines.Use(new FakeMachine().On("get_status", call => call.Rax = 0x77)));

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Contains("0x77", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(FakeVmmPersonality.BitVisor), 1)] // this one has no get_status
    [InlineData(nameof(FakeVmmPersonality.Deaf), 1)]
    [InlineData(nameof(FakeVmmPersonality.None), 3)]
    [InlineData(nameof(FakeVmmPersonality.Kvm), 4)]
    public async Task Nobody_to_ask_has_its_exit_code(string personality, int expected) =>
        Assert.Equal(expected, (int)(await CliRun.OfAsync("status", Machines.Use(new FakeMachine(FakeVmmPersonality.All.Single(one => one.Name == personality))))).ExitCode);

    [Fact]
    public async Task No_memory_for_the_text_exits_6()
    {
        GuestMemoryRefusal refusal = new(GuestMemoryRefusalReason.OutOfMemory, "There is none.");
        Assert.Equal(ExitCode.MemoryRefused, (await CliRun.OfAsync("status", Machines.Refusing(refusal))).ExitCode);
    }

    private static FakeMachine Saying(string text) => new FakeMachine().On("get_status", call =>
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        bool fits = (ulong)bytes.Length <= call.Rcx && call.TryWriteVirtual(new GuestVirtualAddress(call.Rbx), bytes, out _);
        (call.Rax, call.Rcx) = (fits ? 0u : 1u, (ulong)bytes.Length);
    });
}
