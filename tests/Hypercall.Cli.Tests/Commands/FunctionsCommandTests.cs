using System.Text.Json;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public class FunctionsCommandTests
{
    [Fact]
    public async Task Names_that_are_there_exit_0()
    {
        CliRun run = await CliRun.OfAsync("functions boot foo --vmm fake");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("2 of 2 found.", run.Out, StringComparison.Ordinal);
        Assert.InRange(int.Parse(run.Row("foo")[1], System.Globalization.CultureInfo.InvariantCulture), 1, 127);
    }

    [Fact]
    public async Task One_given_name_that_is_not_there_exits_1_and_the_others_are_still_listed()
    {
        CliRun run = await CliRun.OfAsync("functions foo no_such_function boot --vmm fake --json");

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        JsonElement functions = run.Json.GetProperty("functions");
        Assert.Equal(["foo", "no_such_function", "boot"], functions.EnumerateArray().Select(function => function.GetProperty("name").GetString()));
        Assert.Equal([true, false, true], functions.EnumerateArray().Select(function => function.GetProperty("found").GetBoolean()));
        Assert.Equal(JsonValueKind.Null, functions[1].GetProperty("number").ValueKind);
        Assert.Equal(2, run.Json.GetProperty("found").GetInt32());
    }

    [Fact]
    public async Task Without_names_it_asks_for_those_that_BitVisor_has_and_needs_not_all_of_them()
    {
        CliRun run = await CliRun.OfAsync("functions --vmm fake");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        foreach (string name in (string[])["boot", "loadcfg", "loadcfg64", "get_status", "dbgsh", "log_set_buf", "iccard", "foo"])
        {
            Assert.Contains($"\n{name}\t", run.Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_names_and_with_nobody_there_it_exits_1_and_says_what_to_do()
    {
        CliRun run = await CliRun.OfAsync("functions --fake deaf");

        Assert.Equal(ExitCode.Refused, run.ExitCode);
        Assert.Contains("hypercall detect", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_function_is_called()
    {
        bool called = false;
        FakeMachine fake = new();
        foreach (string name in (string[])["get_status", "dbgsh", "log_set_buf", "iccard", "mine"])
        {
            fake.On(name, _ => called = true);
        }

        Assert.Equal(ExitCode.Done, (await CliRun.OfAsync("functions", Machines.Use(fake))).ExitCode);
        Assert.Equal(ExitCode.Done, (await CliRun.OfAsync("functions mine dbgsh", Machines.Use(fake))).ExitCode);
        Assert.False(called);
    }

    [Fact]
    public async Task A_name_given_twice_is_asked_for_once() =>
        Assert.Contains("1 of 1 found.", (await CliRun.OfAsync("functions foo foo --vmm fake")).Out, StringComparison.Ordinal);
}
