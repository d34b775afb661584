namespace Hypercall.Native.Tests.Memory;

public sealed class UnprivilegedTests
{
    private const string OneMebibyte = "1048576";

    [Fact]
    public void Nobody_passes_memory_by_virtual_address_and_is_told_what_physical_addresses_need()
    {
        Dictionary<string, string> told = Probe.Run(asNobody: true, "--memlock", OneMebibyte);
        Assert.Equal("reached", told["end"]);
        Assert.Equal("False", told["root"]);
        Assert.Equal("Touched Any", told["touched"]);
        Assert.Equal("Locked Any", told["locked"]);
        Assert.Equal("Touched Contiguous", told["one-page"]);
        Assert.StartsWith("Completed 40000 rax=40000", told["transfer-Virtual"], StringComparison.Ordinal);
        Assert.Equal("FrameHidden", told["page-map"]);
        foreach (string physical in new[] { "frames", "contiguous", "transfer-Contiguous", "transfer-PageByPage", "transfer-FrameList", "transfer-Auto" })
        {
            Assert.Contains("FramesHidden", told[physical], StringComparison.Ordinal);
            Assert.Contains("CAP_SYS_ADMIN", told[physical], StringComparison.Ordinal);
        }

        Assert.Equal("Touched Any", told["contiguous-or-fallback"]);
    }

    [Fact]
    public void An_exhausted_lock_limit_is_an_error_with_the_limit_the_need_and_the_remedy()
    {
        Dictionary<string, string> told = Probe.Run(asNobody: true, "--memlock", OneMebibyte);
        Assert.StartsWith("LockLimit limit=1048576 needed=8892416", told["too-much-locked"], StringComparison.Ordinal); // 123 pages locked before, 2,048 wanted
        Assert.StartsWith("LockLimit limit=1048576 needed=8388608", told["too-much-pinned"], StringComparison.Ordinal);
        Assert.StartsWith("LockLimit limit=1048576", told["window-too-large"], StringComparison.Ordinal);
        foreach (string refused in new[] { "too-much-locked", "too-much-pinned", "window-too-large" })
        {
            Assert.Contains("RLIMIT_MEMLOCK", told[refused], StringComparison.Ordinal);
            Assert.Contains("ulimit -l", told[refused], StringComparison.Ordinal);
            Assert.Contains("CAP_IPC_LOCK", told[refused], StringComparison.Ordinal);
        }

        Assert.Equal("Touched Any", told["too-much-or-fallback"]);
        Assert.Equal("Locked Any", told["window"]);
    }

    [Fact]
    public void The_root_of_a_user_namespace_is_told_of_the_limit_that_binds_it_all_the_same()
    {
        Dictionary<string, string> told = Probe.RunAsRootOfNamespace("--memlock", OneMebibyte);
        Assert.StartsWith("LockLimit limit=1048576", told["too-much-locked"], StringComparison.Ordinal);
        Assert.StartsWith("LockLimit limit=1048576", told["too-much-pinned"], StringComparison.Ordinal);
        Assert.StartsWith("LockLimit limit=1048576", told["window-too-large"], StringComparison.Ordinal);
        Assert.Equal("Touched Any", told["too-much-or-fallback"]);
    }

    [Fact]
    public void A_limit_of_nothing_leaves_touched_memory()
    {
        Dictionary<string, string> told = Probe.Run(asNobody: true, "--memlock", "0");
        Assert.Equal("Touched Any", told["touched"]);
        Assert.StartsWith("LockLimit limit=0", told["locked"], StringComparison.Ordinal);
        Assert.StartsWith("LockLimit limit=0", told["pinned"], StringComparison.Ordinal);
        Assert.Equal("Touched Any", told["pinned-or-fallback"]);
        Assert.Equal("reached", told["end"]);
    }

    [Fact]
    public void Blocked_io_uring_is_named_with_what_the_kernel_says_and_locked_is_the_fallback()
    {
        Dictionary<string, string> told = Probe.Run(asNobody: true, "--no-io-uring");
        Assert.StartsWith("PinningUnavailable", told["pinned"], StringComparison.Ordinal);
        Assert.Contains("io_uring_setup: Operation not permitted", told["pinned"], StringComparison.Ordinal);
        Assert.Contains("kernel.io_uring_disabled is", told["pinned"], StringComparison.Ordinal);
        Assert.Equal("Locked Any", told["pinned-or-fallback"]);
    }

    [Fact]
    public void Root_without_io_uring_pins_by_ramfs()
    {
        Host.NeedsRoot();
        Host.NeedsRamFs();
        Dictionary<string, string> told = Probe.Run(asNobody: false, "--no-io-uring");
        Assert.Equal("Pinned Any", told["pinned"]);
        Assert.Equal("known", told["frames"]);
    }
}
