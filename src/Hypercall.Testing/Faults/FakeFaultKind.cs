namespace Hypercall.Testing;

/// <summary>What can befall a program on the fake machine.</summary>
public enum FakeFaultKind
{
    /// <summary>The guest kernel swaps a page out. Not a locked or pinned page: mlock(2).</summary>
    SwapOut,

    /// <summary>
    /// The guest kernel moves a page to another frame, and the page is absent for so many walks meanwhile. Not a pinned page:
    /// Linux, Documentation/core-api/pin_user_pages.rst.
    /// </summary>
    PageMigration,

    /// <summary>The guest kernel compacts memory: every page of the buffer that may move does.</summary>
    Scatter,

    /// <summary>
    /// The guest kernel takes the page's entry out of the page table until the guest touches it, as NUMA balancing does. The page
    /// stays in its frame. Not a pinned page.
    /// </summary>
    DropMapping,

    /// <summary>
    /// The process forks: the page becomes copy-on-write, read-only, and its frame is shared. Not a pinned page: the child gets a
    /// copy.
    /// </summary>
    WriteProtect,

    /// <summary>
    /// The VMM turns out to own the frame after this one, and fakes it as ROM. Not a frame that the guest uses.
    /// </summary>
    MakeRom,

    /// <summary>The VMM refuses the call, and touches no register.</summary>
    Refuse,

    /// <summary>Another VMM answers, in its own ABI.</summary>
    RefuseForeign,

    /// <summary>The instruction raises #UD.</summary>
    InvalidOpcode,

    /// <summary>The instruction raises #GP.</summary>
    GeneralProtection,

    /// <summary>The VMM injects a #PF that the guest kernel cannot resolve.</summary>
    PageFault,

    /// <summary>A look-up does not find the name, although the function is there.</summary>
    LoseName,

    /// <summary>The function leaves nothing useful in the argument registers that it did not write: the ABI lets it.</summary>
    Clobber,

    /// <summary>A second virtual CPU calls the same function meanwhile, with all arguments 0.</summary>
    SecondCpu,

    /// <summary>The limit of locked memory falls to so many bytes: RLIMIT_MEMLOCK.</summary>
    LockLimit,

    /// <summary>Pages cannot be pinned any more: io_uring is blocked, and ramfs may not be mounted.</summary>
    NoPinning,

    /// <summary>There is no contiguous memory any more.</summary>
    NoHugePages,

    /// <summary>The kernel hides frame numbers: CAP_SYS_ADMIN is gone.</summary>
    NoPrivilege,
}
