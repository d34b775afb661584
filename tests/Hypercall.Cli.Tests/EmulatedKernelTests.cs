using System.Text.Json;

namespace Hypercall.Cli.Tests;

/// <summary><c>detect</c> where something emulates this program's CPU, or its kernel.</summary>
public sealed class EmulatedKernelTests
{
    [Fact]
    public async Task Under_qemu_user_it_says_so_and_no_way_kills_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "qemu-user is for Linux.");
        Assert.SkipUnless(await ProcessRun.CanAsync("qemu-x86_64", "--version"), "There is no qemu-x86_64: apt-get install qemu-user");
        JsonElement found = await DetectAsync("qemu-x86_64");
        Assert.Equal("TCGTCGTCGTCG", found.GetProperty("hypervisorSignature").GetString());
        Assert.Equal(["QEMU (TCG)", "QEMU for one program (qemu-x86_64)"], Names(found));
        Assert.All(Channels(found), way => Assert.NotEqual("works", way.GetProperty("state").GetString()));
        JsonElement faulted = Channels(found).Single(way => way.GetProperty("chosen").GetBoolean());
        Assert.Equal("#UD", faulted.GetProperty("fault").GetProperty("fault").GetString());
    }

    [Fact]
    public async Task Under_gVisor_it_says_so_and_takes_its_kernel_for_no_other_CPU()
    {
        string[] runsc = ["--rootless", "--network=none", "--ignore-cgroups", "--platform=ptrace", "do"];
        Assert.SkipUnless(OperatingSystem.IsLinux(), "gVisor is for Linux.");
        Assert.SkipUnless(await ProcessRun.CanAsync("runsc", "--version"), "There is no runsc: apt-get install runsc");
        Assert.SkipUnless(await ProcessRun.CanAsync("runsc", [.. runsc, "true"]), "runsc does not run a program here.");
        JsonElement found = await DetectAsync("runsc", runsc);
        Assert.Contains("gVisor", Names(found));
        Assert.DoesNotContain(Names(found), name => name.Contains("emulator", StringComparison.Ordinal));
    }

    private static async Task<JsonElement> DetectAsync(string program, params string[] arguments)
    {
        // An emulator needs the program's path: it looks at no PATH.
        string host = Tool.CommandLine[0] == "dotnet" ? Environment.ProcessPath! : Tool.CommandLine[0];
        string[] tool = [host, .. Tool.CommandLine[1..], "detect", "--try", "--json"];
        ProcessRun run = await ProcessRun.OfAsync(program, LastResort.Bound, [.. arguments, .. tool]);
        Assert.True(run.ExitCode == 0, run.Out + run.Error);
        return JsonDocument.Parse(run.Out).RootElement;
    }

    private static string[] Names(JsonElement found) =>
        [.. found.GetProperty("hypervisors").EnumerateArray().Select(one => one.GetProperty("name").GetString()!)];

    private static JsonElement[] Channels(JsonElement found) => [.. found.GetProperty("channels").EnumerateArray()];
}
