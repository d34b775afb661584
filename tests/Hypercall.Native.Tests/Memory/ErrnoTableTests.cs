using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Memory;

public sealed class ErrnoTableTests
{
    private const int Last = 133; // EHWPOISON, asm-generic/errno.h

    // Errors that no kernel has a name for (41, 58), that only leak out of one (512, 524), and the answer that is a lie, too.
    private static readonly Arbitrary<PinFailure> Failures = (
        from call in Gen.Elements(LinuxCall.All.ToArray())
        from error in Gen.OneOf(Gen.Choose(-1, Last + 1), Gen.Elements(Errno.ENOMEM, Errno.EPERM, Errno.EMFILE, Errno.EAGAIN, 512, 524))
        select new PinFailure(call, error)).ToArbitrary();

    [Theory]
    [InlineData(1, "EPERM")]
    [InlineData(35, "EDEADLK")]
    [InlineData(38, "ENOSYS")]
    [InlineData(40, "ELOOP")]
    [InlineData(57, "EBADSLT")]
    [InlineData(59, "EBFONT")]
    [InlineData(75, "EOVERFLOW")]
    [InlineData(95, "EOPNOTSUPP")]
    [InlineData(110, "ETIMEDOUT")]
    [InlineData(133, "EHWPOISON")]
    [InlineData(41, "errno 41")]
    [InlineData(-1, "errno -1")]
    [InlineData(134, "errno 134")]
    public void An_errno_has_the_name_of_errno_3(int error, string name) => Assert.Equal(name, Errno.Name(error));

    [Fact]
    public void Every_errno_has_a_name_of_its_own()
    {
        string[] names = [.. Enumerable.Range(1, Last).Where(error => error is not (41 or 58)).Select(Errno.Name)];
        Assert.All(names, name => Assert.Matches("^E[A-Z0-9]+$", name));
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    [Property(MaxTest = 2000)]
    public Property A_refusal_names_the_call_and_the_errno_whatever_they_are() => Prop.ForAll(Failures, failure =>
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        using Scratch scratch = new(1);
        string message = LinuxRefusals.Of(failure, PageSpan.Of(scratch.Address, scratch.Length)).Message;
        Assert.Contains(failure.Call, message, StringComparison.Ordinal);
        Assert.Contains(failure.Error > 0 ? Errno.Name(failure.Error) : "nothing done", message, StringComparison.Ordinal);
    });

    [Property(MaxTest = 2000)]
    public Property Only_ENOMEM_is_told_as_no_memory_left() => Prop.ForAll(Failures, failure =>
    {
        ErrnoMeaning meaning = ErrnoTable.Of(failure);
        Assert.False(failure.Error != Errno.ENOMEM && meaning.Text.Contains("no memory", StringComparison.Ordinal), $"{failure}: {meaning.Text}");
        Assert.False(failure.Error != Errno.ENOMEM && meaning.Reason == GuestMemoryRefusalReason.OutOfMemory, $"{failure}: {meaning.Reason}");
    });

    [Property(MaxTest = 2000)]
    public Property Whatever_io_uring_answers_ramfs_may_still_do_or_the_fallback_is_taken() => Prop.ForAll(Failures, failure =>
    {
        ErrnoMeaning meaning = ErrnoTable.Of(failure);
        bool isRing = failure.Call is LinuxCall.RingSetup or LinuxCall.RingRegister or LinuxCall.RingUpdate;
        Assert.True(!isRing || meaning.NextWay || meaning.Ask == Fact.PinnedBytes, $"{failure}");
    });

    [Property(MaxTest = 2000)]
    public Property A_lock_or_pin_that_nobody_foresaw_leaves_the_fallback() => Prop.ForAll(Failures, failure =>
    {
        if (failure.Call is LinuxCall.Lock or LinuxCall.RingSetup or LinuxCall.RamFsOpen && failure.Error != Errno.ENOMEM)
        {
            GuestMemoryRefusalReason reason = ErrnoTable.Of(failure).Reason;
            Assert.True(MemoryFallback.TryGet(
                1,
                new GuestBufferOptions { Residency = Residency.Locked, AllowFallback = true },
                Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance,
                (Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why) =>
                {
                    why = residency == Residency.Touched ? null : new GuestMemoryRefusal(reason, "no");
                    return why is null ? new NativeGuestMemory().Allocate(1, Residency.Touched) : null;
                },
                out GuestBuffer? buffer,
                out _));
            buffer.Dispose();
        }
    });

    [Theory]
    [InlineData(Errno.EPERM)]
    [InlineData(Errno.ENOSYS)]
    [InlineData(Errno.EAGAIN)]
    [InlineData(5)] // EIO
    public void A_lock_that_fails_for_no_limit_is_not_told_as_one(int error)
    {
        Host.NeedsLinux();
        Assert.SkipWhen(LinuxMemory.MemLockLimit == 0, "RLIMIT_MEMLOCK is 0");
        using Scratch scratch = new(1);
        GuestMemoryRefusal refusal = LinuxRefusals.Of(new PinFailure(LinuxCall.Lock, error), PageSpan.Of(scratch.Address, scratch.Length));
        Assert.Equal(GuestMemoryRefusalReason.SystemCallRefused, refusal.Reason);
        Assert.DoesNotContain("RLIMIT_MEMLOCK", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_of_try_again_is_asked_again_and_not_for_ever()
    {
        Attempts attempts = default;
        Assert.Equal(Attempts.Most - 1, Enumerable.Range(0, 1000).TakeWhile(_ => attempts.Another(Errno.EINTR)).Count());
        Assert.False(new Attempts().Another(Errno.EPERM));
    }
}
