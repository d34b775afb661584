using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Judges;

/// <summary>
/// A boot that goes wrong explains itself: what the CPU did and what the kernel said go into the log that is kept.
/// </summary>
[Collection(GuestCollection.Name)]
public sealed class HangTests(GuestLab lab) : IDisposable
{
    private const int VmmPanicked = 1; // rig/boot --help
    private const int Panicked = 5;
    private const int OutOfTime = 124;

    private readonly string _folder = Directory.CreateTempSubdirectory("hypercall-hang-tests-").FullName;
    private readonly List<string> _told = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task An_AMD_guest_that_says_nothing_for_long_tells_its_state_each_time_before_it_is_tried_again()
    {
        GuestRequest request = GuestRequest.On("amd", "none", "hang", "rig.run=sleep,100000") with { Silence = TimeSpan.FromSeconds(30) };
        GuestRun run = await BootAsync(request);
        Assert.Null(run.ExitCode);
        Assert.Equal(2, run.Attempts.Count);
        string[][] logs = [File.ReadAllLines(Path.Combine(_folder, "hang.hung.log")), [.. run.Lines]];
        Assert.All(logs, log =>
        {
            Assert.Contains(log, line => line.StartsWith("state: told to end", StringComparison.Ordinal));
            Assert.Contains(log, line => line.StartsWith("state: RIP=", StringComparison.Ordinal));
            Assert.Contains(log, line => line.StartsWith("state: Linux version 6.1.", StringComparison.Ordinal));
        });
    }

    [Fact]
    public async Task An_Intel_guest_that_is_out_of_time_tells_what_Bochs_knows_of_its_CPU()
    {
        GuestRequest request = GuestRequest.On("intel", "none", "hang-intel", "rig.run=sleep,100000") with { Limit = TimeSpan.FromSeconds(40) };
        GuestRun run = await BootAsync(request);
        Assert.True(run.ExitCode == OutOfTime, run.Trace);
        Assert.Contains(run.Lines, line => line.StartsWith("state: no end within 40 s", StringComparison.Ordinal));
        Assert.Contains(run.Lines, line => line.StartsWith("state: rip: ", StringComparison.Ordinal));
        Assert.Contains(run.Lines, line => line.StartsWith("state: CR0=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_kernel_that_panics_tells_its_state_and_is_not_tried_again()
    {
        // Linux panics when its first program ends.
        GuestRequest request = GuestRequest.On("amd", "none", "panic", "rdinit=/bin/false");
        GuestRun run = await BootAsync(request);
        Assert.True(run.ExitCode == Panicked, run.Trace);
        Assert.Single(run.Attempts);
        Assert.Contains(run.Lines, line => line.Contains("Kernel panic - not syncing: Attempted to kill init!", StringComparison.Ordinal));
        Assert.Contains(run.Lines, line => line.StartsWith("state: it panicked", StringComparison.Ordinal));
        Assert.Contains(run.Lines, line => line.StartsWith("state: RIP=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_rigs_VMM_on_Intel_that_panics_tells_what_Bochs_knows_of_its_CPU()
    {
        // A VMM that is given something else for a kernel panics before there is a guest.
        GuestRequest request = GuestRequest.On("intel", "rig", "vmm-panic-intel", "");
        GuestRun run = await BootAsync(request, "--kernel", Checkout.Full("README.md"));
        Assert.True(run.ExitCode == VmmPanicked, run.Trace);
        Assert.Single(run.Attempts);
        Assert.Contains("VMM PANIC: the first module is no bzImage", run.Lines);
        Assert.Contains(run.Lines, line => line.StartsWith("state: it panicked", StringComparison.Ordinal));
        Assert.Contains(run.Lines, line => line.StartsWith("state: rip: ", StringComparison.Ordinal));
    }

    private async Task<GuestRun> BootAsync(GuestRequest request, params string[] options)
    {
        RigImage image = await lab.GetImageAsync(request.Machine);
        await lab.WaitForAllAsync();

        // A thread of its own: the guest ends with it.
        return await Task.Factory.StartNew(
            () => new GuestBoot(_folder, _told.Add).Run(request, image.CommandFor(request, options), CancellationToken.None),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }
}
