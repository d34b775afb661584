using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Native.Tests.Memory;

public sealed class MemoryFallbackTests
{
    private static readonly GuestBufferOptions Everything = new() { Residency = Residency.Pinned, Contiguity = Contiguity.Contiguous, AllowFallback = true };

    [Theory]
    [InlineData(GuestMemoryRefusalReason.NotContiguous, "Pinned Contiguous, Pinned Any")]
    [InlineData(GuestMemoryRefusalReason.FramesHidden, "Pinned Contiguous, Pinned Any")]
    [InlineData(GuestMemoryRefusalReason.PageMapUnavailable, "Pinned Contiguous, Pinned Any")]
    [InlineData(GuestMemoryRefusalReason.PinningUnavailable, "Pinned Contiguous, Locked Contiguous, Touched Contiguous")]
    [InlineData(GuestMemoryRefusalReason.NoPrivilege, "Pinned Contiguous, Locked Contiguous, Touched Contiguous")]
    [InlineData(GuestMemoryRefusalReason.LockLimit, "Pinned Contiguous, Pinned Any, Locked Any, Touched Any")]
    [InlineData(GuestMemoryRefusalReason.OutOfMemory, "Pinned Contiguous, Pinned Any")]
    [InlineData(GuestMemoryRefusalReason.PlatformNotSupported, "Pinned Contiguous, Pinned Any, Locked Any, Touched Any")]
    [InlineData(GuestMemoryRefusalReason.NotWritable, "Pinned Contiguous")]
    [InlineData(GuestMemoryRefusalReason.NotMapped, "Pinned Contiguous")]
    public void What_is_given_up_is_what_the_refusal_is_about(GuestMemoryRefusalReason reason, string expected) =>
        Assert.Equal(expected, string.Join(", ", Walk(Everything, reason)));

    [Theory]
    [InlineData(GuestMemoryRefusalReason.PinningUnavailable)]
    [InlineData(GuestMemoryRefusalReason.NotContiguous)]
    public void Nothing_is_given_up_unless_the_caller_allows_it(GuestMemoryRefusalReason reason) =>
        Assert.Single(Walk(new GuestBufferOptions { Residency = Everything.Residency, Contiguity = Everything.Contiguity }, reason));

    // With every attempt refused for the same reason: what was tried.
    private static List<string> Walk(GuestBufferOptions options, GuestMemoryRefusalReason reason)
    {
        List<string> tried = [];
        Assert.False(MemoryFallback.TryGet(
            1,
            options,
            NullLogger.Instance,
            (Residency residency, Contiguity contiguity, out GuestMemoryRefusal? why) =>
            {
                tried.Add($"{residency} {contiguity}");
                why = new GuestMemoryRefusal(reason, "no");
                return null;
            },
            out _,
            out GuestMemoryRefusal? refusal));
        Assert.Equal(reason, refusal.Reason);
        return tried;
    }
}
