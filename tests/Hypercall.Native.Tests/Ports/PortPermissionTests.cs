using Hypercall.Native.Interop;
using Hypercall.Native.Tests.Threads;

namespace Hypercall.Native.Tests.Ports;

/// <summary>Permission for a port, by a kernel that a test plays.</summary>
public sealed class PortPermissionTests
{
    [Fact]
    public void It_is_asked_for_all_ports_of_the_access_and_once()
    {
        FakePorts kernel = new();
        CountingChannel inner = new();
        using OwnThreadChannel channel = Over(inner, kernel, width: 4);

        Assert.True(Call(channel).IsCompleted);
        Assert.True(Call(channel).IsCompleted);

        Assert.Equal(["ioperm(0x5658, 4, 1)"], kernel.Asked);
        Assert.Equal(2, inner.Calls);
        Assert.Equal([inner.LastThread], kernel.Threads); // the permission is a thread's
        Assert.NotEqual(Environment.CurrentManagedThreadId, inner.LastThread);
    }

    [Fact]
    public void Nothing_is_asked_before_the_first_call()
    {
        FakePorts kernel = new();
        using (Over(new CountingChannel(), kernel))
        {
            Assert.Empty(kernel.Asked);
        }

        Assert.Empty(kernel.Asked);
    }

    [Fact]
    public void Dispose_gives_back_what_was_given()
    {
        FakePorts one = new();
        FakePorts all = new() { IoPermError = Errno.ENOMEM, IoPlError = 0 };
        foreach (FakePorts kernel in (FakePorts[])[one, all])
        {
            using OwnThreadChannel channel = Over(new CountingChannel(), kernel, width: 2);
            Assert.True(Call(channel).IsCompleted);
        }

        Assert.Equal(["ioperm(0x5658, 2, 1)", "ioperm(0x5658, 2, 0)"], one.Asked);
        Assert.Equal(["ioperm(0x5658, 2, 1)", "iopl(3)", "iopl(0)"], all.Asked); // else iopl
        Assert.Single(one.Threads);
        Assert.Single(all.Threads);
    }

    public static TheoryData<string, int, int, bool, string?, string, string> Refusals => new()
    {
        { "no such calls", Errno.ENOSYS, Errno.ENOSYS, true, null, "(ENOSYS), and iopl(3): ", "CONFIG_X86_IOPL_IOPERM" },
        { "no capability", Errno.EPERM, Errno.EPERM, false, null, "the thread has no CAP_SYS_RAWIO", "setcap cap_sys_rawio+ep" },
        { "locked down", Errno.EPERM, Errno.EPERM, true, "integrity", "the kernel is locked down (integrity)", "Secure Boot" },
        { "locked down, too", Errno.EPERM, Errno.EPERM, false, "confidentiality", "down (confidentiality)", "kernel_lockdown(7)" },
        { "another namespace", Errno.EPERM, Errno.EPERM, true, null, "in its own user namespace", "in the initial one" },
        { "another", Errno.ENOMEM, Errno.EINVAL, true, null, "(ENOMEM), and iopl(3): Invalid argument (EINVAL).", "That is all" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_the_kernel_refuses_is_a_refusal_with_its_reason(
        string what, int permission, int level, bool mayRawIo, string? lockdown, string reason, string remedy)
    {
        FakePorts kernel = new() { IoPermError = permission, IoPlError = level, MayRawIo = mayRawIo, Lockdown = lockdown };
        CountingChannel inner = new();
        using OwnThreadChannel channel = Over(inner, kernel);
        HypercallRegisters registers = new() { Rax = 1, Rdx = 2 };

        HypercallStatus status = channel.TryInvoke(ref registers);

        Assert.True(status.IsRefused, what);
        Assert.Equal(permission, status.Refusal.ErrorCode);
        Assert.Equal("port 0x5658", status.Refusal.Channel);
        Assert.Contains($"ioperm(0x5658, 4): ", status.Refusal.Message, StringComparison.Ordinal);
        Assert.Contains(reason, status.Refusal.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, status.Refusal.Remedy, StringComparison.Ordinal);
        Assert.Equal(0, inner.Calls);
        Assert.Equal(new HypercallRegisters { Rax = 1, Rdx = 2 }, registers);
    }

    [Fact]
    public void A_refusal_is_asked_for_anew_and_told_once()
    {
        FakePorts kernel = new() { IoPermError = Errno.EPERM };
        using OwnThreadChannel channel = Over(new CountingChannel(), kernel);

        ChannelRefusal first = Call(channel).Refusal!;
        Assert.Same(first, Call(channel).Refusal);
        kernel.Lockdown = "integrity";
        Assert.NotSame(first, Call(channel).Refusal);
        kernel.IoPermError = 0;

        Assert.True(Call(channel).IsCompleted);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("[none] integrity confidentiality\n", null)]
    [InlineData("none [integrity] confidentiality\n", "integrity")]
    [InlineData("none integrity [confidentiality]\n", "confidentiality")]
    [InlineData("none [integrity", null)]
    [InlineData("] [", null)]
    public void The_level_of_lockdown_is_the_one_in_brackets(string? text, string? level) =>
        Assert.Equal(level, LinuxPorts.LockdownIn(text));

    [Fact]
    public void The_probe_changes_nothing_and_says_what_is_missing()
    {
        PortProvider asks = new(0x5658, withPermission: true);
        FakePorts old = new() { IoPermError = Errno.ENOSYS, IoPlError = Errno.ENOSYS };

        Assert.True(asks.Probe(new FakePorts()).IsUsable);
        Assert.False(asks.Probe(new FakePorts()).IsCpusChoice);
        Assert.Contains("ENOSYS", asks.Probe(old).Reason, StringComparison.Ordinal);
        FakePorts poor = new() { MayRawIo = false };
        Assert.Contains("CAP_SYS_RAWIO", asks.Probe(poor).Reason, StringComparison.Ordinal);
        FakePorts locked = new() { Lockdown = "integrity" };
        Assert.Contains("locked down (integrity)", asks.Probe(locked).Reason, StringComparison.Ordinal);
        Assert.Contains("only Linux", asks.Probe((IPortControl?)null).Reason, StringComparison.Ordinal);
        Assert.True(new PortProvider(0x5658).Probe(old).IsUsable); // a VMM may serve it without
        Assert.DoesNotContain(old.Asked, call => call.EndsWith("1)", StringComparison.Ordinal) || call == "iopl(3)");
    }

    private static OwnThreadChannel Over(IHypercallChannel inner, FakePorts kernel, int width = 4) =>
        new("test", inner, new PortPermission(0x5658, width, kernel));

    private static HypercallStatus Call(OwnThreadChannel channel)
    {
        HypercallRegisters registers = default;
        return channel.TryInvoke(ref registers);
    }
}
