namespace Hypercall;

/// <summary>What is known of one page.</summary>
public enum GuestPageState
{
    /// <summary>No page is there: never mapped, mapped and never touched, or gone for a moment while it moves.</summary>
    NotMapped,

    /// <summary>The page is in swap space. Touching it brings it back, most likely into another frame.</summary>
    Swapped,

    /// <summary>The page is in memory, and the kernel does not tell this process in which frame (Linux: no CAP_SYS_ADMIN).</summary>
    FrameHidden,

    /// <summary>The page is in memory, in a known frame.</summary>
    Present,
}
