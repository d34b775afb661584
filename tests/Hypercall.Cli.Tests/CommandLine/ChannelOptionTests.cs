using System.Text.Json;

namespace Hypercall.Cli.Tests.CommandLine;

/// <summary>The way down and the VMM as options, and as variables of the environment.</summary>
public class ChannelOptionTests
{
    [Theory]
    [InlineData("detect --channel syscall", "--channel: 'syscall' is none of Intel, AMD, cpuid, port, port,permission")]
    [InlineData("detect --channel port:70000", "'70000' is no port: 0 to 65535")]
    [InlineData("detect --channel port:0xfffe", "an access of 4 bytes at port 0xfffe passes port 0xffff")]
    [InlineData("detect --channel port:0x4711,read", "'read' is no part of a port")]
    [InlineData("detect --channel port:1:2", "'1:2' is no port")]
    [InlineData(
        "detect --channel syscall --fake kvm", "--channel: 'syscall' is none of Intel, AMD, port, port-out, cpuid, kernel")]
    [InlineData("detect --channel Intel --instruction vmcall", "give one of them")]
    public async Task A_channel_that_cannot_be_is_bad_usage(string commandLine, string error)
    {
        CliRun run = await CliRun.OfAsync(commandLine);
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(error, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Variables_are_the_defaults()
    {
        JsonElement json = (await RunAsync("detect --json", vmm: "fake", channel: "port")).Json;
        Assert.Equal(("fake", "port"), (json.GetProperty("vmm").GetString(), json.GetProperty("provider").GetString()));
    }

    [Theory]
    [InlineData("detect --json --fake kvm --channel AMD", "fake", "AMD")]
    [InlineData("detect --json --vmm fake --instruction vmcall", "fake", "Intel")]
    [InlineData("detect --json --vmm fake --instruction auto", "fake", "AMD")]
    public async Task Options_win(string commandLine, string vmm, string provider)
    {
        JsonElement json = (await RunAsync(commandLine, vmm: "real", channel: "port")).Json;
        Assert.Equal((vmm, provider), (json.GetProperty("vmm").GetString(), json.GetProperty("provider").GetString()));
    }

    [Theory]
    [InlineData("both", null, "The environment variable HYPERCALL_VMM is 'both'")]
    [InlineData("fake", "syscall", "The environment variable HYPERCALL_CHANNEL: 'syscall' is none of")]
    public async Task A_bad_value_names_its_variable(string? vmm, string? channel, string error)
    {
        CliRun run = await RunAsync("detect", vmm, channel);
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(error, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Empty_variables_say_nothing() =>
        Assert.Equal("fake", (await RunAsync("detect --json --vmm fake", vmm: "", channel: "")).Json.GetProperty("vmm").GetString());

    private static async Task<CliRun> RunAsync(string commandLine, string? vmm, string? channel)
    {
        using StringWriter results = new();
        using StringWriter errors = new();
        CliHost host = new(results, errors)
        {
            Environment = name => name switch { "HYPERCALL_VMM" => vmm, "HYPERCALL_CHANNEL" => channel, _ => null },
        };
        ExitCode code = await CliApplication.RunAsync(commandLine.Split(' '), host);
        return new CliRun(code, results.ToString(), errors.ToString());
    }
}
