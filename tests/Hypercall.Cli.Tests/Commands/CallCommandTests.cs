using System.Text.Json;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public class CallCommandTests
{
    [Fact]
    public async Task The_VMM_sees_the_words_and_the_caller_sees_the_answer()
    {
        (ulong, ulong, ulong, ulong, ulong) seen = default;
        FakeMachine fake = new FakeMachine().On("add", call =>
        {
            seen = (call.Rbx, call.Rcx, call.Rdx, call.Rsi, call.Rdi);
            call.Rax = 10;
        });
        CliRun run = await CliRun.OfAsync("call add --rbx 1 --rcx 0x2 --rdx -3 --rsi 0xffff_0000 --rdi=-1", Machines.Use(fake));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal((1UL, 2UL, ulong.MaxValue - 2, 0xffff_0000UL, ulong.MaxValue), seen);
        Assert.Equal("0xa (10)", run.Row("RAX")[2]);
    }

    [Fact]
    public async Task An_address_of_somebody_elses_memory_ends_the_fake_machine_and_is_no_internal_error()
    {
        CliRun run = await CliRun.OfAsync("call upper_gpa --rbx 0x1000000 --rcx 3 --vmm fake --json");
        Assert.Equal(ExitCode.Untrusted, run.ExitCode);
        JsonElement error = JsonDocument.Parse(run.Out).RootElement.GetProperty("error");
        Assert.Equal("fakeMachineBroken", error.GetProperty("kind").GetString());
        Assert.Contains("frame 0x1000", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_register_that_changed_is_printed_and_no_other()
    {
        FakeMachine fake = new FakeMachine().On("swap", call => (call.Rax, call.Rcx, call.R15) = (0, 77, ulong.MaxValue));
        CliRun run = await CliRun.OfAsync("call swap --rbx 5 --rcx 6", Machines.Use(fake));

        Assert.Equal("0x4d (77)", run.Row("RCX")[2]);
        Assert.Equal("0x6 (6)", run.Row("RCX")[1]);
        Assert.Equal("0xffffffffffffffff (-1)", run.Row("R15")[2]);
        Assert.DoesNotContain("RBX", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RAX_equal_to_the_number_is_told_and_never_judged()
    {
        CliRun people = await CliRun.OfAsync("call silent", Machines.Use(new FakeMachine().On("silent", _ => { })));
        CliRun program = await CliRun.OfAsync("call silent --json", Machines.Use(new FakeMachine().On("silent", _ => { })));

        Assert.Equal(ExitCode.Done, people.ExitCode);
        Assert.Equal("unchanged", people.Row("RAX")[2]);
        Assert.Contains("the number that was called", people.Out, StringComparison.Ordinal);
        Assert.True(program.Json.GetProperty("raxIsCallNumber").GetBoolean());
        Assert.Empty(program.Json.GetProperty("changed").EnumerateArray());
    }

    [Fact]
    public async Task A_function_may_return_minus_one_and_is_done()
    {
        CliRun run = await CliRun.OfAsync("call dbgsh --rbx -1 --json", Machines.Use(new FakeMachine().On("dbgsh", call => call.Rax = ulong.MaxValue)));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal("0xffffffffffffffff", run.Json.GetProperty("registers").GetProperty("rax").GetString());
    }

    [Fact]
    public async Task Its_JSON_has_all_registers_in_hexadecimal()
    {
        JsonElement json = (await CliRun.OfAsync("call foo --rbx 9007199254740993 --vmm fake --json")).Json; // 2^53 + 1: lost in a double

        Assert.Equal(
            ["function", "number", "convention", "registers", "changed", "raxIsCallNumber", "notes", "warnings"],
            json.EnumerateObject().Select(property => property.Name));
        Assert.Equal(
            ["rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"],
            json.GetProperty("registers").EnumerateObject().Select(property => property.Name));
        Assert.Equal("0x20000000000001", json.GetProperty("registers").GetProperty("rbx").GetString());
        Assert.Equal("0xa", json.GetProperty("registers").GetProperty("rax").GetString());
        Assert.Equal(["rax"], json.GetProperty("changed").EnumerateArray().Select(name => name.GetString()));
        Assert.InRange(json.GetProperty("number").GetInt32(), 1, 127);
    }

    [Fact]
    public async Task A_function_that_is_not_there_exits_1_and_lists_the_causes()
    {
        CliRun run = await CliRun.OfAsync("call bar --vmm fake");

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Contains("'bar' was not found", run.Error, StringComparison.Ordinal);
        Assert.Contains("case-sensitive", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("call nosuch --vmm fake", "'hypercall functions --vmm fake'")]
    [InlineData("call nosuch --fake deaf", "'hypercall detect --try --fake deaf'")]
    public async Task The_advice_after_a_name_that_was_not_found_asks_the_same_VMM(string commandLine, string advice)
    {
        CliRun run = await CliRun.OfAsync(commandLine);

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Contains(advice, run.Error, StringComparison.Ordinal);
    }
}
