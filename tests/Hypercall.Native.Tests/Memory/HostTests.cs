namespace Hypercall.Native.Tests.Memory;

/// <summary>
/// Hosts that refuse or answer the calls by which memory is held: a container's profile, a service's filter, an emulated or a
/// small kernel.
/// </summary>
public sealed class HostTests
{
    [Theory]
    [InlineData("EPERM", true)]
    [InlineData("EPERM", false)]
    [InlineData("ENOSYS", true)] // a kernel without CONFIG_ADVISE_SYSCALLS
    [InlineData("ENOSYS", false)]
    [InlineData("EIO", true)]
    public void Without_madvise_there_is_memory_that_says_what_it_lacks(string error, bool asNobody)
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody, [$"madvise={error}"]);
        Assert.Equal("Touched Any", told["touched"]);
        Assert.Equal("Locked Any", told["locked"]);
        Assert.StartsWith("Completed 40000 rax=40000", told["transfer-Virtual"], StringComparison.Ordinal); // with a look-up of its name
        Assert.Equal("None", told["excluded"]);
        Assert.Equal("True", told["zeroed"]);
        Assert.Contains($"madvise(MADV_DONTFORK): ", told["log-303"], StringComparison.Ordinal);
        Assert.Contains($"({error})", told["log-303"], StringComparison.Ordinal);
        Assert.DoesNotContain("The system has no memory left", string.Concat(told.Values), StringComparison.Ordinal);
    }

    [Fact]
    public void One_advice_that_is_refused_is_all_that_is_lacking()
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: false, ["madvise.2.16=EPERM"]); // MADV_DONTDUMP
        Assert.Equal("ForkedChildren", told["excluded"]);
        Assert.Contains("madvise(MADV_DONTDUMP): Operation not permitted (EPERM)", told["log-303"], StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_is_refused_nothing_is_lacking()
    {
        Dictionary<string, string> told = Probe.Run(asNobody: false);
        Assert.Equal("CoreDumps, ForkedChildren", told["excluded"]);
        Assert.False(told.ContainsKey("log-303"));
    }

    [Theory]
    [InlineData("EPERM", "Operation not permitted (EPERM)", true)]
    [InlineData("EPERM", "Operation not permitted (EPERM)", false)]
    [InlineData("ENOSYS", "Function not implemented (ENOSYS)", true)]
    [InlineData("EIO", "Input/output error (EIO)", true)]
    [InlineData("EAGAIN", "Resource temporarily unavailable (EAGAIN)", true)]
    [InlineData("EINTR", "Interrupted system call (EINTR)", true)] // for ever
    public void A_refused_mlock_is_told_as_itself_and_touched_is_the_fallback(string error, string text, bool asNobody)
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody, [$"mlock={error}", "mlock2=EPERM", "io_uring_setup=EPERM", "fsopen=EPERM"]);
        foreach (string refused in new[] { "locked", "window" })
        {
            Assert.StartsWith("SystemCallRefused", told[refused], StringComparison.Ordinal);
            Assert.Contains($"mlock: {text}", told[refused], StringComparison.Ordinal);
        }

        Assert.Equal("Touched Any", told["pinned-or-fallback"]);
        Assert.StartsWith("Completed 40000 rax=40000", told["transfer-Virtual"], StringComparison.Ordinal);
        Assert.DoesNotContain("The system has no memory left", string.Concat(told.Values), StringComparison.Ordinal);
    }

    [Fact]
    public void What_needs_CAP_SYS_ADMIN_is_not_tried_without_it()
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: true, ["io_uring_setup=EPERM", "fsopen=kill"]);
        Assert.Equal("reached", told["end"]);
        AssertBothWaysAreTold(told["pinned"], "io_uring_setup: Operation not permitted (EPERM)", "ramfs: not tried, because the process has no CAP_SYS_ADMIN");
        Assert.Equal("Locked Any", told["pinned-or-fallback"]);
    }

    [Fact]
    public void Capabilities_that_the_kernel_does_not_tell_are_taken_to_be_absent()
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: false, ["io_uring_setup=EPERM", "capget=EPERM", "fsopen=kill"]);
        Assert.Equal("reached", told["end"]);
        Assert.Contains("no CAP_SYS_ADMIN", told["pinned"], StringComparison.Ordinal);
    }

    [Fact]
    public void Io_uring_refused_and_ramfs_refused_are_both_told()
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: false, ["io_uring_setup=EPERM", "io_uring_register=EPERM", "fsopen=EPERM"]);
        AssertBothWaysAreTold(told["pinned"], "io_uring_setup: Operation not permitted (EPERM)", "fsopen(ramfs): Operation not permitted (EPERM)");
        AssertBothWaysAreTold(told["window-pinned"], "io_uring_setup: Operation not permitted (EPERM)", "ramfs: serves buffers");
    }

    [Theory]
    [InlineData("EMFILE", "Too many open files (EMFILE)", "RLIMIT_NOFILE")]
    [InlineData("ENFILE", "Too many open files in system (ENFILE)", "fs.file-max")]
    public void No_descriptor_for_io_uring_is_a_reason_of_its_own_with_a_fallback(string error, string text, string limit)
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: true, [$"io_uring_setup={error}"]);
        Assert.StartsWith("TooManyOpenFiles", told["pinned"], StringComparison.Ordinal);
        AssertBothWaysAreTold(told["pinned"], $"io_uring_setup: {text}", "ramfs: not tried", reason: "TooManyOpenFiles");
        Assert.Contains(limit, told["pinned"], StringComparison.Ordinal);
        Assert.Equal("Locked Any", told["pinned-or-fallback"]);
    }

    [Fact]
    public void No_descriptor_for_io_uring_leaves_ramfs_to_who_may_mount()
    {
        Host.NeedsRoot();
        Host.NeedsRamFs();
        Assert.Equal("Pinned Any", Probe.RunInSandbox(asNobody: false, ["io_uring_setup=EMFILE"])["pinned"]);
    }

    [Fact]
    public void A_process_that_may_open_no_file_gets_locked_memory_for_pinned()
    {
        Dictionary<string, string> told = Probe.Run(asNobody: true, "--no-more-files");
        Assert.StartsWith("TooManyOpenFiles", told["pinned"], StringComparison.Ordinal);
        Assert.Equal("Locked Any", told["pinned-or-fallback"]);
        Assert.Equal("reached", told["end"]);
    }

    [Theory]
    [InlineData("EAGAIN")]
    [InlineData("EINTR")]
    public void A_call_that_is_always_to_be_tried_again_ends(string error)
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: true, [$"io_uring_register={error}", $"madvise={error}"]);
        Assert.Equal("Touched Any", told["touched"]);
        Assert.Contains($"({error})", told["pinned"], StringComparison.Ordinal);
        Assert.Equal("Locked Any", told["pinned-or-fallback"]);
    }

    [Theory]
    [InlineData("madvise.2.23=EINVAL")] // before Linux 5.14
    [InlineData("madvise=ENOSYS")]
    [InlineData("madvise.2.23=0")]
    public void Pages_are_touched_without_the_kernels_help_and_without_proc(string rule)
    {
        Dictionary<string, string> told = Probe.RunWithoutProc(rule);
        Assert.Equal("Touched Any", told["touched"]);
        Assert.Equal("Locked Any", told["window"]);
        Assert.StartsWith("Completed 40000 rax=40000", told["transfer-Virtual"], StringComparison.Ordinal);
        Assert.Equal("NotMapped", told["window-unmapped"].Split(' ')[0]);
        Assert.Equal("reached", told["end"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_lock_that_is_answered_and_not_done_is_no_lock(bool hasProc)
    {
        Dictionary<string, string> told = hasProc ? Probe.RunInSandbox(asNobody: false, ["mlock=0"]) : Probe.RunWithoutProc("mlock=0");
        foreach (string refused in new[] { "locked", "window" })
        {
            Assert.StartsWith("SystemCallRefused", told[refused], StringComparison.Ordinal);
            Assert.Contains("mlock: success was answered, and nothing done", told[refused], StringComparison.Ordinal);
        }

        Assert.Equal("reached", told["end"]);
    }

    [Theory]
    [InlineData("msync=0")]
    [InlineData("msync=EPERM")]
    public void A_lock_that_is_done_is_believed_where_the_first_proof_is_refused(string rule) =>
        Assert.Equal("Locked Any", Probe.RunInSandbox(asNobody: false, [rule])["locked"]);

    [Theory]
    [InlineData("madvise=0")]
    [InlineData("madvise.2.23=0")]
    [InlineData("madvise.2.23=0", "mincore=0")]
    [InlineData("madvise.2.23=0", "mincore=EPERM")]
    public void A_populate_that_is_answered_and_not_done_is_not_believed(params string[] rules)
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: false, rules);
        Assert.Equal("Present", told["touched-pages"]);
    }

    [Fact]
    public void Advice_that_is_answered_and_not_taken_is_lacking()
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: false, ["madvise=0"]);
        Assert.Equal("None", told["excluded"]);
        Assert.Contains("nothing done", told["log-303"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("io_uring_register=0")]
    [InlineData("io_uring_register.1.16=0")] // IORING_REGISTER_BUFFERS_UPDATE
    [InlineData("io_uring_setup=0")]         // which names standard input
    public void A_pin_that_is_answered_and_not_done_is_no_pin(string rule)
    {
        Dictionary<string, string> told = Probe.RunInSandbox(asNobody: true, [rule]);
        Assert.StartsWith("PinningUnavailable", told["pinned"], StringComparison.Ordinal);
        Assert.Equal("Locked Any", told["pinned-or-fallback"]);
        Assert.Equal("True", told["stdin"]);
    }

    private static void AssertBothWaysAreTold(string told, string ring, string ramFs, string reason = "PinningUnavailable")
    {
        Assert.StartsWith(reason, told, StringComparison.Ordinal);
        Assert.Contains(ring, told, StringComparison.Ordinal);
        Assert.Contains(ramFs, told, StringComparison.Ordinal);
    }
}
