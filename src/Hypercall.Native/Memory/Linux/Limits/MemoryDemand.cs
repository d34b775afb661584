namespace Hypercall.Native;

/// <summary>What a request takes, in bytes, by what the kernel counts it as.</summary>
/// <remarks>
/// <code>
///                         Memory  Pool  Address  Data  Commit  File
///   Pages, transparent      x             x       x      x              mm/mmap.c, may_expand_vm; mm/vma.c, accountable_mapping
///   RamFs                   x             x                     x       a page cache that cannot be reclaimed, charged to the cgroup
///   HugePages, GiantPages           x     x       x                     measured on Linux 6.18: VmData grows, and RLIMIT_DATA refuses
///   window                  x                                           only pages that are not there yet
/// </code>
/// </remarks>
internal readonly record struct MemoryDemand
{
    private const long TransparentUnit = 2 << 20; // mapped on top, to find an aligned start in it

    // Page tables take 8 bytes a page; a pin by io_uring 16 for its table and 8 while it is made (struct bio_vec,
    // io_uring/rsrc.c). All are charged to the memory cgroup.
    private const int OverheadShift = 7;

    public long Memory { get; private init; }

    public long Pool { get; private init; }

    public long Address { get; private init; }

    public long Data { get; private init; }

    public long Commit { get; private init; }

    public long File { get; private init; }

    /// <summary>How many mappings it makes at most.</summary>
    public int Mappings { get; private init; }

    /// <summary>Whether its pages may be swapped out.</summary>
    public bool MaySwap { get; private init; }

    /// <summary>For memory of our own.</summary>
    /// <param name="kind">Where it comes from.</param>
    /// <param name="mapped">How much is mapped, in whole pages of that kind.</param>
    /// <param name="residency">How it is held.</param>
    public static MemoryDemand Of(LinuxMapping kind, long mapped, Residency residency)
    {
        bool pool = kind is LinuxMapping.HugePages or LinuxMapping.GiantPages;
        bool file = kind == LinuxMapping.RamFs;
        long address = kind == LinuxMapping.TransparentHugePages ? mapped + TransparentUnit : mapped;
        return new MemoryDemand
        {
            Memory = pool ? 0 : mapped + (mapped >> OverheadShift),
            Pool = pool ? mapped : 0,
            Address = address,
            Data = file ? 0 : address,
            Commit = file || pool ? 0 : address,
            File = file ? mapped : 0,
            Mappings = 3, // itself, and the two halves of a neighbour that it comes between
            MaySwap = residency == Residency.Touched && !file && !pool,
        };
    }

    /// <summary>For a window.</summary>
    /// <param name="missing">How much of it is not there yet.</param>
    /// <param name="residency">How it is held.</param>
    public static MemoryDemand OfWindow(long missing, Residency residency) => new()
    {
        Memory = missing + (missing >> OverheadShift),
        Mappings = residency == Residency.Locked ? 2 : 0, // what lies before it, and after it, in a mapping that is locked in part
        MaySwap = residency == Residency.Touched,
    };

    public static MemoryDemand operator +(MemoryDemand left, MemoryDemand right) => Sum(left, right, 1);

    public static MemoryDemand operator -(MemoryDemand left, MemoryDemand right) => Sum(left, right, -1);

    /// <summary>How much of it a limit counts.</summary>
    /// <param name="kind">What the limit counts.</param>
    public long Against(MemoryLimitKind kind) => kind switch
    {
        MemoryLimitKind.Memory => Memory,
        MemoryLimitKind.MemoryAndPool => Memory + Pool,
        MemoryLimitKind.Address => Address,
        MemoryLimitKind.Data => Data,
        MemoryLimitKind.Commit => Commit,
        _ => File,
    };

    private static MemoryDemand Sum(MemoryDemand left, MemoryDemand right, int sign) => new()
    {
        Memory = left.Memory + (sign * right.Memory),
        Pool = left.Pool + (sign * right.Pool),
        Address = left.Address + (sign * right.Address),
        Data = left.Data + (sign * right.Data),
        Commit = left.Commit + (sign * right.Commit),
    };
}
