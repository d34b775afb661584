namespace Hypercall.Native;

/// <summary>What is looked at when an errno has more causes than one.</summary>
internal enum Fact
{
    /// <summary>Nothing: the errno says it.</summary>
    None,

    /// <summary>RLIMIT_AS, RLIMIT_DATA, the number of mappings.</summary>
    AddressSpace,

    /// <summary>RLIMIT_MEMLOCK, and what mlock took of it.</summary>
    LockedBytes,

    /// <summary>RLIMIT_MEMLOCK, and what pins took of it.</summary>
    PinnedBytes,

    /// <summary>Whether the range is mapped.</summary>
    IsMapped,
}
