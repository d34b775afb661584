using Hypercall.Guest.Tests.Rig;
using Hypercall.Guest.Tests.Tap;

namespace Hypercall.Guest.Tests.Kernel;

/// <summary>
/// The kernel module (kernel/) in real guests: what rig/guest/module-test tried there, in C. Each of its tests fails when the kernel's log
/// complains meanwhile, too.
/// </summary>
[Collection(GuestCollection.Name)]
public class KernelModuleTests(GuestLab lab, ITestOutputHelper output)
{
    // How many tests each part has, so that one that is lost is seen.
    private static readonly Dictionary<string, int> Parts = new()
    {
        ["rights"] = 7, ["list"] = 5, ["frames"] = 3, ["kept"] = 2, ["loads"] = 2, ["stress"] = 1, ["lockdown"] = 1, ["no-vmm"] = 1, ["kvm"] = 2,
    };

    public static TheoryData<string> UnderTheRig => ["rights", "list", "frames", "kept", "loads", "stress", "lockdown"];

    public static TheoryData<string, string> Elsewhere => new()
    {
        { "intel", "frames" }, { "amd-no-vmm", "no-vmm" }, { "intel-no-vmm", "no-vmm" }, { "amd-kvm", "kvm" }, { "intel-kvm", "kvm" },
    };

    [Theory]
    [MemberData(nameof(UnderTheRig))]
    public async Task It_does_what_it_should_in_Linux_6_1(string part) => Check(await lab.GetAsync(GuestRequest.AmdModule), part);

    [Theory]
    [MemberData(nameof(UnderTheRig))]
    public async Task It_does_what_it_should_in_Linux_6_12(string part)
    {
        RigImage image = await lab.GetImageAsync("amd");
        string why = Path.Combine(image.Folder, $"{GuestRequest.AmdModuleNewer.Kernel}.why");
        Assert.SkipWhen(File.Exists(why), File.Exists(why) ? File.ReadAllText(why) : "");
        Check(await lab.GetAsync(GuestRequest.AmdModuleNewer), part);
    }

    [Theory]
    [MemberData(nameof(Elsewhere))]
    public async Task It_does_what_it_should_under_others_and_under_nobody(string guest, string part) =>
        Check(await lab.GetAsync(GuestRequest.AllVisited.Single(request => request.Name == guest)), part);

    private void Check(GuestRun run, string part)
    {
        TapReport report = run.TapOfModule(part);
        foreach (TapResult result in report.Results.Values)
        {
            output.WriteLine($"{result.Outcome}: {result.Name} {result.Details}");
        }

        Assert.True(report.IsComplete && report.Planned == Parts[part], $"{report.Results.Count} of {Parts[part]} tests.\n{run.Trace}");
        Assert.DoesNotContain(report.Results.Values, result => result.Outcome == TapOutcome.Failed);
        TapResult? skipped = report.Results.Values.FirstOrDefault(result => result.Outcome == TapOutcome.Skipped);
        Assert.SkipWhen(skipped is not null, $"{skipped?.Name}: {skipped?.Details}");
    }
}
