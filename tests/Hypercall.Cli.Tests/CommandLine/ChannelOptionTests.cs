using System.Text.Json;

namespace Hypercall.Cli.Tests.CommandLine;

/// <summary>The way down and the VMM as options, and as variables of the environment.</summary>
public class ChannelOptionTests
{
    [Theory]
    [InlineData("detect --channel syscall", "--channel: 'syscall' is none of Intel, AMD, cpuid, port, port,permission, kernel-module, xen-privcmd, the")]
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

    [Theory]
    [InlineData("kernel-module", "/dev/hypercall")]
    [InlineData("xen-privcmd", "/dev/xen/privcmd")]
    [InlineData("PRIVCMD", "/dev/xen/privcmd")]
    public async Task A_device_that_is_not_there_is_a_refusal_that_names_it(string channel, string device)
    {
        CliRun run = await CliRun.OfAsync($"call --convention xen --number 17 --arg 0 --channel {channel}");
        string error = OperatingSystem.IsLinux() ? $"{device} refused the call: there is no {device}" : "only Linux has the device";
        Assert.NotEqual(ExitCode.Usage, run.ExitCode);
        Assert.Equal(!File.Exists(device), run.Error.Contains(error, StringComparison.Ordinal));
        Assert.Equal(!File.Exists(device), run.ExitCode == ExitCode.MemoryRefused && run.Error.Contains("Nothing was executed.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("functions")]
    [InlineData("call foo")]
    [InlineData("status")]
    public async Task A_look_up_never_goes_by_a_device_that_would_call_something_else(string command)
    {
        CliRun run = await CliRun.OfAsync($"{command} --channel privcmd");
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("--channel xen-privcmd does not carry a name", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kvm", "does not carry it into the VMM")]
    [InlineData("acrn", "this channel takes RAX for it: it would call something else")]
    public async Task A_convention_that_a_device_cannot_carry_is_bad_usage(string convention, string error)
    {
        CliRun run = await CliRun.OfAsync($"call --convention {convention} --number 1 --channel privcmd");
        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(error, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Detect_asks_nothing_by_name_where_that_would_call_something_else()
    {
        CliRun run = await CliRun.OfAsync("detect --try --channel privcmd --json");
        Assert.Equal(("xen-privcmd", "unknown"), (run.Json.GetProperty("provider").GetString(), run.Json.GetProperty("presence").GetString()));
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
