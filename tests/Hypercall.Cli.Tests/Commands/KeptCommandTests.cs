using System.Text.Json;
using Hypercall.Linux;
using Hypercall.Linux.Tests;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Cli.Tests.Commands;

/// <summary>What the kernel module keeps, as the tool lists and frees it.</summary>
public class KeptCommandTests
{
    private const string List = "/sys/class/misc/hypercall/kept";

    private readonly StubModule _module = new();

    [Fact]
    public async Task Kept_buffers_are_listed_without_their_addresses()
    {
        _module.Kernel.Files[List] = "id=3 gpa=0x3f000000 size=65536 file=closed pid=411 comm=agent\n";
        CliRun run = await RunAsync("kept");
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(["3", "64 KiB", "agent (411)", "ended"], run.Row("3"));
        Assert.DoesNotContain("3f000000", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_module_that_keeps_nothing_says_so()
    {
        _module.Kernel.Files[List] = "";
        Assert.Contains("keeps no buffer", (await RunAsync("kept")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_script_gets_the_list_and_what_was_released()
    {
        using KernelMemory memory = new(_module.Kernel);
        KernelBuffer lost = memory.Allocate(1, kept: true);
        lost.Dispose();
        _module.Kernel.Files[List] = "id=9 gpa=0x1000 size=4096 file=open pid=1 comm=x\n";
        CliRun run = await RunAsync($"kept --release {lost.Id} --json");
        JsonElement kept = Assert.Single(run.Json.GetProperty("kept").EnumerateArray());
        Assert.Equal((9, 4096, true), (kept.GetProperty("id").GetInt32(), kept.GetProperty("size").GetInt32(), kept.GetProperty("open").GetBoolean()));
        Assert.Equal(lost.Id, Assert.Single(run.Json.GetProperty("released").EnumerateArray()).GetUInt32());
        Assert.False(_module.Buffers[lost.Id]);
    }

    [Fact]
    public async Task A_buffer_that_is_not_there_ends_with_6()
    {
        CliRun run = await RunAsync("kept --release 5");
        Assert.Equal(ExitCode.MemoryRefused, run.ExitCode);
        Assert.Contains("no kept buffer 5", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_module_it_says_how_to_load_it()
    {
        _module.Kernel.Devices.Clear();
        CliRun run = await RunAsync("kept");
        Assert.Equal(ExitCode.MemoryRefused, run.ExitCode);
        Assert.Contains("modprobe hypercall", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fake_machine_keeps_none()
    {
        Assert.Contains("keeps no buffer", (await RunAsync("kept --vmm fake")).Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.MemoryRefused, (await RunAsync("kept --vmm fake --release 1")).ExitCode);
    }

    private Task<CliRun> RunAsync(string commandLine) =>
        CliRun.OfAsync(commandLine, services => services.AddSingleton(new KernelMemory(_module.Kernel)));
}
