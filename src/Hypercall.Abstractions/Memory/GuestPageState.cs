namespace Hypercall;

/// <summary>What is known of one page.</summary>
public enum GuestPageState
{
    /// <summary>No page is there: never mapped, or mapped and never touched.</summary>
    NotMapped,

    /// <summary>The page is in swap space, and a touch brings it back, most likely into another frame; or it is on its way to
    /// another frame at this moment, which Linux shows in the same way (fs/proc/task_mmu.c, a migration entry), and a touch waits
    /// until it is there.</summary>
    Swapped,

    /// <summary>
    /// The page is in memory, and the kernel does not tell this process in which frame (Linux: no CAP_SYS_ADMIN).
    /// </summary>
    FrameHidden,

    /// <summary>The page is in memory, in a known frame.</summary>
    Present,
}
