namespace Hypercall.Native;

/// <summary>
/// The calls by which memory is had and held on Linux, as messages name them and <see cref="ErrnoTable"/> looks them up.
/// </summary>
internal static class LinuxCall
{
    public const string Map = "mmap";
    public const string MapHugePages = "mmap(MAP_HUGETLB)";
    public const string Lock = "mlock";
    public const string Populate = "madvise(MADV_POPULATE_WRITE)";
    public const string AtomicOr = "futex(FUTEX_WAKE_OP)";
    public const string RingSetup = "io_uring_setup";
    public const string RingRegister = "io_uring_register(REGISTER_BUFFERS2)";
    public const string RingUpdate = "io_uring_register(BUFFERS_UPDATE)";
    public const string RamFsOpen = "fsopen(ramfs)";
    public const string RamFsCreate = "fsconfig(ramfs)";
    public const string RamFsMount = "fsmount(ramfs)";
    public const string RamFsFile = "openat(ramfs, O_TMPFILE)";
    public const string RamFsLength = "ftruncate(ramfs)";
    public const string RamFsMap = "mmap(ramfs)";
    public const string PageMapOpen = "open(pagemap)";
    public const string PageMapRead = "pread(pagemap)";

    public static IReadOnlyList<string> All { get; } =
    [
        Map, MapHugePages, Lock, Populate, AtomicOr, RingSetup, RingRegister, RingUpdate, RamFsOpen, RamFsCreate, RamFsMount, RamFsFile, RamFsLength, RamFsMap,
        PageMapOpen, PageMapRead,
    ];
}
