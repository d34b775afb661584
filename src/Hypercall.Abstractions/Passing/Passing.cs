namespace Hypercall;

/// <summary>
/// A technique of handing memory to a VMM: which addresses go into RBX and RCX, in how many calls. RDX, RSI and RDI stay the
/// function's own.
/// </summary>
/// <remarks>
/// <code>
///                    RBX                 RCX                 calls          needs
/// Virtual            GVA of the data     bytes               1              touched memory, no privilege
/// Contiguous         GPA of the data     bytes               1              adjacent frames; pinned where the VMM writes
/// PageByPage         GPA of a piece      bytes, to 4096      one a page     pinned where the VMM writes
/// FrameList          GPA of the list     bytes of the list   one a 511      pinned where the VMM writes
/// </code>
/// </remarks>
public abstract class Passing
{
    private protected Passing(string name) => Name = name;

    /// <summary>By guest virtual address: the VMM walks the guest's page table. It cannot bring in a page that is absent, and stops there.</summary>
    public static Passing Virtual { get; } = new VirtualPassing();

    /// <summary>By guest physical address of memory whose frames are adjacent; other memory is refused, saying where it breaks.</summary>
    public static Passing Contiguous { get; } = new ContiguousPassing();

    /// <summary>By guest physical address, one call for each page.</summary>
    public static Passing PageByPage { get; } = new PageByPagePassing();

    /// <summary>By a list of frame numbers in a page of its own, 511 frames a call, laid out as Hyper-V's GPA_RANGE.</summary>
    public static Passing FrameList { get; } = new FrameListPassing();

    /// <summary>
    /// Contiguous where the frames are adjacent, else by frame list: for a function that takes either, and is told which by an argument of its own, or looks at what it
    /// finds. RBX and RCX alone do not tell: 4096 bytes of data look like a full list. <see cref="TransferResult.Passing"/> says afterwards which it was.
    /// </summary>
    public static Passing Auto { get; } = new AutoPassing();

    /// <summary>All techniques.</summary>
    public static IReadOnlyList<Passing> All { get; } = [Virtual, Contiguous, PageByPage, FrameList, Auto];

    /// <summary>The technique's name.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal TransferResult Run(Transfer transfer)
    {
        TransferResult result = Hand(transfer);
        return result.Passing is null ? result with { Passing = this } : result;
    }

    /// <summary>Hands the whole slice over.</summary>
    /// <param name="transfer">The transfer.</param>
    private protected abstract TransferResult Hand(Transfer transfer);
}
