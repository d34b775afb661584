namespace Hypercall;

/// <summary>Why memory could not be had, held or found as asked, in a form that a program and a person can read.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Message">What happened, which limit was met, and what to do.</param>
public sealed record GuestMemoryRefusal(GuestMemoryRefusalReason Reason, string Message)
{
    private readonly bool? _isTransient;

    /// <summary>The limit that was met, in bytes (in mappings, where they are what ran out); null when none was.</summary>
    public long? Limit { get; init; }

    /// <summary>How much was needed, with what is used already, in the same unit; null when no limit was met.</summary>
    public long? Needed { get; init; }

    /// <summary>
    /// Whether the same request may succeed later without a change of the program or its configuration: what ran out is used by
    /// others too, who may give it back, and a page that is
    /// absent may come back. A privilege, a service of the system and a demand on the memory do not come by themselves. The
    /// default follows from <see cref="Reason"/>.
    /// </summary>
    public bool IsTransient
    {
        get => _isTransient
            ?? Reason is GuestMemoryRefusalReason.OutOfMemory or GuestMemoryRefusalReason.LockLimit
                or GuestMemoryRefusalReason.TooManyOpenFiles or GuestMemoryRefusalReason.NotContiguous
                or GuestMemoryRefusalReason.NotMapped or GuestMemoryRefusalReason.Swapped;
        init => _isTransient = value;
    }

    internal static GuestMemoryRefusal ForResidency(Residency residency, string why, string accept) => new(GuestMemoryRefusalReason.NotPinned,
        $"The memory is {residency}, and {why}: a page that moves would make the VMM use memory of somebody else. Allocate it with Residency.Pinned"
        + $"{(accept.Contains('.', StringComparison.Ordinal) ? ", pass it by virtual address to a function that does not keep it" : "")}, or accept the risk with {accept}.");

    internal static GuestMemoryRefusal ForScattered(PagedRange range) => new(GuestMemoryRefusalReason.NotContiguous,
        $"The memory is not physically contiguous: it breaks after {range.ContiguousLength} of {range.Length} bytes. Allocate it with Contiguity.Contiguous, or "
        + "hand it over by Passing.FrameList or Passing.PageByPage.")
    {
        IsTransient = false, // memory that lies scattered stays so
    };

    internal Exception ToException() => Reason == GuestMemoryRefusalReason.PlatformNotSupported
        ? new PlatformNotSupportedException(Message)
        : new GuestMemoryException(this);

    internal static GuestMemoryRefusal ForPage(GuestPageState state, int index, int count) => state switch
    {
        GuestPageState.Swapped => new(GuestMemoryRefusalReason.Swapped,
            $"Page {index} of {count} is swapped out, or on its way to another frame. Pin the memory before you translate it: locked pages stay in memory, and still move."),
        GuestPageState.FrameHidden => new(GuestMemoryRefusalReason.FramesHidden,
            $"The kernel hides the frame of page {index} of {count} from this process: translating to physical addresses needs CAP_SYS_ADMIN in the "
            + "initial user namespace. Run as root, or hand the memory over by guest virtual address, which needs no privilege."),
        _ => new(GuestMemoryRefusalReason.NotMapped,
            $"Page {index} of {count} is not mapped at this moment. Allocate it from IGuestMemory, or write to it first; a locked page "
            + "may be absent while it moves, a pinned one is not."),
    };
}
