namespace Hypercall.Native;

/// <summary>Where the pages of a buffer come from.</summary>
internal enum LinuxMapping
{
    /// <summary>Anonymous pages of 4 KiB.</summary>
    Pages,

    /// <summary>Pages of a ramfs, which pin themselves.</summary>
    RamFs,

    /// <summary>2 MiB pages of the pool, /proc/sys/vm/nr_hugepages.</summary>
    HugePages,

    /// <summary>Anonymous memory aligned to 2 MiB, of which the kernel makes transparent huge pages.</summary>
    TransparentHugePages,

    /// <summary>1 GiB pages of the pool.</summary>
    GiantPages,
}
