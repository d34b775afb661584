using Hypercall.Guest.Tests.Rig;

namespace Hypercall.Guest.Tests.Processes;

/// <summary>A guest that ended has left nothing running.</summary>
[Collection(GuestCollection.Name)]
public class LeftBehindTests(GuestLab lab)
{
    [Fact]
    public async Task An_AMD_guest_leaves_no_process() => Check(await lab.GetAsync(GuestRequest.Amd));

    [Fact]
    public async Task An_Intel_guest_leaves_no_process() => Check(await lab.GetAsync(GuestRequest.Intel));

    [Fact]
    public async Task A_guest_that_panicked_leaves_no_process() => Check(await lab.GetAsync(GuestRequest.AmdPanic));

    private static void Check(GuestRun run)
    {
        Assert.NotEmpty(run.Sessions);
        Assert.DoesNotContain(run.Sessions, session => ProcessSession.Members(session).Count != 0);
    }
}
