using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Memory;

/// <summary>The worst outcome of all: a program hands over the VMM's own memory, and the VMM writes to it.</summary>
[Collection(GuestCollection.Name)]
public class RomPanicTests(GuestLab lab)
{
    private const int Panicked = 1; // rig/boot --help

    [Fact]
    public async Task A_write_to_the_VMMs_own_memory_takes_the_machine_down_with_a_message()
    {
        GuestRun run = await lab.GetAsync(GuestRequest.AmdPanic);
        Assert.True(run.ExitCode == Panicked, run.Trace);
        Assert.Matches("^VMM PANIC: write to ROM-faked memory at GPA 0x[0-9a-f]+ by xfer_gpa", Assert.Single(run.Lines, line => line.StartsWith("VMM PANIC", StringComparison.Ordinal)));
        Assert.Contains(run.Lines, line => line.StartsWith("state: it panicked", StringComparison.Ordinal));
        Assert.Contains(run.Lines, line => line.StartsWith("state: RIP=", StringComparison.Ordinal));
        Assert.Contains(run.Lines, line => line.StartsWith("state: Linux version 6.1.", StringComparison.Ordinal)); // the guest's log
    }
}
