namespace Hypercall.Guest.Tests;

/// <summary>The machines that the suite runs on, each booted once.</summary>
internal static class GuestMachines
{
    private static readonly Lazy<GuestRun> AmdRun = new(() =>
        GuestRun.Of("amd", "amd", TimeSpan.FromMinutes(10), " --required /etc/conformance/required-amd.txt"));

    // Bochs runs a hundredth of a real CPU's instructions.
    private static readonly Lazy<GuestRun> IntelRun = new(() =>
        GuestRun.Of("intel", "intel", TimeSpan.FromMinutes(20), " --scale 3 --limit 600 --required /etc/conformance/required-intel.txt"));

    private static readonly Lazy<GuestRun> NoVmmRun = new(() =>
        GuestRun.Of("no-vmm", "amd", TimeSpan.FromMinutes(5), " --required /etc/conformance/required-no-vmm.txt", "--no-vmm"));

    public static GuestRun Amd => Checked("amd", AmdRun);

    public static GuestRun Intel => Checked("intel", IntelRun);

    public static GuestRun NoVmm => Checked("amd", NoVmmRun);

    private static GuestRun Checked(string machine, Lazy<GuestRun> run)
    {
        string? why = Rig.WhyNot(machine);
        Skip.If(why is not null, $"No {machine} guest: {why}");
        return run.Value;
    }
}
