namespace Hypercall.Native;

/// <summary>What a limit counts.</summary>
internal enum MemoryLimitKind
{
    /// <summary>Memory of the system; pages of a huge page pool left it when the pool was filled.</summary>
    Memory,

    /// <summary>Memory and pages of the pool: cgroup2 mounted with <c>memory_hugetlb_accounting</c>.</summary>
    MemoryAndPool,

    /// <summary>Address space, of whatever kind: RLIMIT_AS.</summary>
    Address,

    /// <summary>Private writable mappings, those of the pool among them: RLIMIT_DATA.</summary>
    Data,

    /// <summary>Private writable mappings but those of the pool: the promise that vm.overcommit_memory = 2 keeps.</summary>
    Commit,

    /// <summary>The size of one file: RLIMIT_FSIZE.</summary>
    File,
}
