namespace Hypercall;

/// <summary>
/// A technique of handing memory to a VMM: by which addresses, in which pieces. It is a plan; the transfer carries it out. Which
/// arguments hold address and length, the function's
/// <see cref="TransferLayout"/> says.
/// </summary>
/// <remarks>
/// <code>
///                    address             length              calls          needs
/// Virtual            GVA of the data     bytes               1              touched memory, no privilege
/// Contiguous         GPA of the data     bytes               1              adjacent frames; pinned where the VMM writes
/// PageByPage         GPA of a piece      bytes, to 4096      one a page     pinned where the VMM writes
/// FrameList          GPA of the list     bytes of the list   one a 511      pinned where the VMM writes
/// </code>
/// <see cref="TransferOptions.BytesPerCall"/> cuts each of them into smaller pieces.
/// </remarks>
public sealed class Passing
{
    private Passing(string name, bool isPhysical, int framesPerCall = int.MaxValue, bool isContiguous = false, DescriptorFormat? list = null)
    {
        Name = name;
        IsPhysical = isPhysical;
        FramesPerCall = framesPerCall;
        IsContiguous = isContiguous;
        ListFormat = list;
    }

    /// <summary>
    /// By guest virtual address: the VMM walks the guest's page table. It cannot bring in a page that is absent, and stops there.
    /// </summary>
    public static Passing Virtual { get; } = new("Virtual", isPhysical: false);

    /// <summary>
    /// By guest physical address of memory whose frames are adjacent; other memory is refused, saying where it breaks.
    /// </summary>
    public static Passing Contiguous { get; } = new("Contiguous", isPhysical: true, isContiguous: true);

    /// <summary>By guest physical address, one call for each page.</summary>
    public static Passing PageByPage { get; } = new("PageByPage", isPhysical: true, framesPerCall: 1);

    /// <summary>By a list of frame numbers in a page of its own, 511 frames a call, laid out as Hyper-V's GPA_RANGE.</summary>
    public static Passing FrameList { get; } = new("FrameList", isPhysical: true, DescriptorFormat.GpaRange.MaxFrames, list: DescriptorFormat.GpaRange);

    /// <summary>
    /// Contiguous where the frames are adjacent, else by frame list: for a function that takes either, and is told which by an
    /// argument of its own, or looks at what it finds. Address and length alone do not tell: 4096 bytes of data look like a full
    /// list. <see cref="TransferResult.Passing"/> says afterwards which it was.
    /// </summary>
    public static Passing Auto { get; } = new("Auto", isPhysical: true);

    /// <summary>All techniques.</summary>
    public static IReadOnlyList<Passing> All { get; } = [Virtual, Contiguous, PageByPage, FrameList, Auto];

    /// <summary>The technique's name.</summary>
    public string Name { get; }

    /// <summary>Whether it gives away physical addresses.</summary>
    internal bool IsPhysical { get; }

    /// <summary>How many frames go with one call at most.</summary>
    internal int FramesPerCall { get; }

    /// <summary>Whether all frames of a piece must be adjacent.</summary>
    internal bool IsContiguous { get; }

    /// <summary>How the frames of a piece are written down; null where its address is given.</summary>
    internal DescriptorFormat? ListFormat { get; }

    /// <summary>Whether a layout's descriptor can write its pieces down: one that lists frames must be given some.</summary>
    internal bool Suits(DescriptorFormat descriptor) =>
        !descriptor.NeedsFrames || (IsPhysical && ListFormat is null && this != Auto);

    /// <summary>By a list of frames in another format than Hyper-V's.</summary>
    /// <param name="format">The format.</param>
    public static Passing ListOf(DescriptorFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        return new Passing(format.Name, isPhysical: true, format.MaxFrames, list: format);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
