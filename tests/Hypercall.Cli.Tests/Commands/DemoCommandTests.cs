using System.Text.Json;
using Hypercall.Testing;

namespace Hypercall.Cli.Tests.Commands;

public class DemoCommandTests
{
    [Fact]
    public async Task It_replays_register_passing_on_the_fake_VMM()
    {
        JsonElement json = (await CliRun.OfAsync("demo --json")).Json;

        Assert.Equal("fake", json.GetProperty("vmm").GetString());
        Assert.Equal("foo", json.GetProperty("function").GetString());
        Assert.Equal("0x1", json.GetProperty("seen").GetProperty("rbx").GetString());
        Assert.Equal("0x2", json.GetProperty("seen").GetProperty("rcx").GetString());
        Assert.Equal("0x3", json.GetProperty("seen").GetProperty("rdx").GetString());
        Assert.Equal("0xa", json.GetProperty("returned").GetString());
    }

    [Fact]
    public async Task It_tells_a_person_what_happened()
    {
        CliRun run = await CliRun.OfAsync("demo");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("sees RBX=1, RCX=2, RDX=3", run.Out, StringComparison.Ordinal);
        Assert.Contains("RAX=10", run.Out, StringComparison.Ordinal);
        Assert.Contains("foo(1, 2, 3) = 10", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Registers", 1)]
    [InlineData("Contiguous", 1)]
    [InlineData("PageByPage", 2)]
    [InlineData("FrameList", 1)]
    [InlineData("Virtual", 1)]
    public async Task Abc_goes_in_and_foo_comes_back_in_every_way(string passing, int calls)
    {
        JsonElement json = (await CliRun.OfAsync("demo --json")).Json;

        JsonElement way = json.GetProperty("techniques").EnumerateArray().Single(one => one.GetProperty("passing").GetString() == passing);
        Assert.Equal(("abc", "foo"), (way.GetProperty("sent").GetString(), way.GetProperty("received").GetString()));
        Assert.Equal(calls, way.GetProperty("calls").GetInt32());
    }

    [Fact]
    public async Task It_tells_what_becomes_of_a_program_that_does_it_wrong()
    {
        JsonElement fault = (await CliRun.OfAsync("demo --json")).Json.GetProperty("fault");

        Assert.Equal(nameof(FakeOracle.StaleFrame), fault.GetProperty("oracle").GetString());
        string[] trace = [.. fault.GetProperty("trace").EnumerateArray().Select(line => line.GetString()!)];
        Assert.StartsWith("==>", trace[^1], StringComparison.Ordinal);
        Assert.Contains("moves page 0 of buffer 1", Assert.Single(trace, line => line.StartsWith(" * ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("FakeInjectionPoint.BeforePage(2, 1)", fault.GetProperty("replay").GetString(), StringComparison.Ordinal);
        Assert.Contains("pinned", fault.GetProperty("pinned").GetString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task It_shows_the_same_trace_every_time() =>
        Assert.Equal((await CliRun.OfAsync("demo")).Out, (await CliRun.OfAsync("demo")).Out);

    [Fact]
    public async Task A_person_sees_the_ways_and_the_trace()
    {
        CliRun run = await CliRun.OfAsync("demo");

        Assert.Matches("Virtual.*abc.*foo", run.Out);
        Assert.Contains("==>", run.Out, StringComparison.Ordinal);
        Assert.Contains("new FakeMachine(", run.Out, StringComparison.Ordinal);
        Assert.Contains("With pinned memory", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_the_real_VMM_it_looks_up_and_calls_nothing()
    {
        bool called = false;
        FakeMachine inItsPlace = new FakeMachine().On("foo", _ => called = true).On("boot", _ => called = true);
        CliRun run = await CliRun.OfAsync("demo --vmm real --json", Machines.Use(inItsPlace));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal("real", run.Json.GetProperty("vmm").GetString());
        Assert.All(["returned", "techniques", "fault"], name => Assert.Equal(JsonValueKind.Null, run.Json.GetProperty(name).ValueKind));
        Assert.False(called);
    }

    [Theory]
    [InlineData(nameof(FakeVmmPersonality.Kvm), 4)]
    [InlineData(nameof(FakeVmmPersonality.Deaf), 1)]
    [InlineData(nameof(FakeVmmPersonality.None), 3)]
    public async Task On_a_real_VMM_that_says_no_it_ends_as_every_command_does(string personality, int expected) =>
        Assert.Equal(expected, (int)(await CliRun.OfAsync("demo --vmm real", Machines.Use(new FakeMachine(FakeVmmPersonality.All.Single(one => one.Name == personality))))).ExitCode);
}
