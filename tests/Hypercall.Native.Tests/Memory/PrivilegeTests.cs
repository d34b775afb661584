namespace Hypercall.Native.Tests.Memory;

/// <summary>What root opened, after root was given up: in a process of its own, which does not get it back.</summary>
public sealed class PrivilegeTests
{
    [Fact]
    public void What_root_opened_does_not_serve_a_process_that_gave_root_up_unless_it_asked_for_that()
    {
        Host.NeedsFrames();
        Host.NeedsIoUring();
        Host.NeedsRamFs();
        Dictionary<string, string> told = Probe.Run(asNobody: false, "--memlock", "1048576", "--give-root-up");
        Assert.Equal(("known", "pinned", "pinned"), (told["frames as root"], told["pin as root"], told["ramfs as root"]));

        Assert.Equal("PageMapUnavailable", told["frames"]);
        Assert.Equal("FramesHidden", told["frames when dumpable"]);
        Assert.Equal("LockLimit", told["pin"]);
        Assert.Equal("pinned", told["pin a page"]);
        Assert.Equal("PinningUnavailable", told["ramfs"]);

        Assert.Equal(("known", "pinned", "pinned"), (told["kept frames"], told["kept pin"], told["kept ramfs"]));
        Assert.Equal("PageMapUnavailable", told["frames of the keeper do not help"]);
    }

    [Fact]
    public void What_root_opened_can_be_closed_and_a_ring_goes_with_its_last_buffer()
    {
        Host.NeedsFrames();
        Host.NeedsIoUring();
        Host.NeedsRamFs();
        Dictionary<string, string> told = Probe.Run(asNobody: false, "--memlock", "1048576", "--give-root-up");
        Assert.Equal("3", told["rings while the early buffer is pinned"]); // root's, which holds the buffer; nobody's; the keeper's
        Assert.Equal("0", told["descriptors when all are closed"]);
        Assert.Equal("FramesHidden", told["frames of the keeper that closed"]);
    }

    [Fact]
    public void Root_given_up_for_a_while_is_not_there_for_that_while()
    {
        Host.NeedsFrames();
        Dictionary<string, string> told = Probe.Run(asNobody: false, "--give-root-up-for-a-while");
        Assert.Equal(("known", "PageMapUnavailable", "known"), (told["frames as root"], told["frames"], told["frames as root again"]));
    }

    [Fact]
    public void A_thread_that_gave_its_own_capabilities_up_gets_what_it_has_and_the_others_what_they_have()
    {
        Host.NeedsFrames();
        Host.NeedsIoUring();
        Dictionary<string, string> told = Probe.Run(asNobody: false, "--memlock", "1048576", "--give-root-up-on-one-thread");
        Assert.Equal("FramesHidden", told["frames on that thread"]);
        Assert.NotEqual("pinned", told["pin on that thread"]);
        Assert.Equal(("known", "pinned"), (told["frames on the others"], told["pin on the others"]));
    }
}
