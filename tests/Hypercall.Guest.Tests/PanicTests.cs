namespace Hypercall.Guest.Tests;

/// <summary>The worst outcome of all, which no scenario survives to tell.</summary>
public class PanicTests
{
    [SkippableFact]
    public void A_write_to_the_memory_that_the_VMM_fakes_as_ROM_panics_it_and_ends_the_machine()
    {
        string? why = Rig.WhyNot("amd");
        Skip.If(why is not null, $"No amd guest: {why}");
        GuestRun run = GuestRun.Of("panic", "amd", TimeSpan.FromMinutes(2), " --destroy --filter panics");
        Assert.Equal(1, run.ExitCode); // rig/boot: the VMM panicked
        Assert.Contains(run.Log, line => line.StartsWith("VMM PANIC: write to ROM-faked memory at GPA 0x", StringComparison.Ordinal) && line.EndsWith("by xfer_gpa", StringComparison.Ordinal));
        Assert.DoesNotContain(run.Log, line => line.StartsWith("rig: done", StringComparison.Ordinal));
    }
}
