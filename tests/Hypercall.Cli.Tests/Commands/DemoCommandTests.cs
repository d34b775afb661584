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

    [Fact]
    public async Task On_the_real_VMM_it_looks_up_and_calls_nothing()
    {
        bool called = false;
        FakeVmm inItsPlace = new FakeVmm().On("foo", _ => called = true).On("boot", _ => called = true);
        CliRun run = await CliRun.OfAsync("demo --vmm real --json", Machines.Use(inItsPlace));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal("real", run.Json.GetProperty("vmm").GetString());
        Assert.Equal(JsonValueKind.Null, run.Json.GetProperty("returned").ValueKind);
        Assert.False(called);
    }

    [Theory]
    [InlineData(FakeVmmPersonality.Kvm, 4)]
    [InlineData(FakeVmmPersonality.Deaf, 1)]
    [InlineData(FakeVmmPersonality.None, 3)]
    public async Task On_a_real_VMM_that_says_no_it_ends_as_every_command_does(FakeVmmPersonality personality, int expected) =>
        Assert.Equal(expected, (int)(await CliRun.OfAsync("demo --vmm real", Machines.Use(new FakeVmm(personality)))).ExitCode);
}
