namespace Hypercall.BitVisor;

/// <summary>How a look-up by name ended.</summary>
public enum VmmLookupOutcome
{
    /// <summary>The VMM answered 0, each time it was asked; or ignored the call.</summary>
    NotFound,

    /// <summary>The VMM knows the name.</summary>
    Found,

    /// <summary>
    /// A VMM answered, but not in this ABI: RAX was outside 0 to 127. KVM gives -1 (EPERM) to every call from user mode.
    /// </summary>
    ForeignAbi,

    /// <summary>The CPU raised a fault on the instruction.</summary>
    Faulted,

    /// <summary>The channel itself refused the call.</summary>
    Refused,
}
