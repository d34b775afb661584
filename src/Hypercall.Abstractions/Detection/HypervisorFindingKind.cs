namespace Hypercall;

/// <summary>How much a finding says.</summary>
public enum HypervisorFindingKind
{
    /// <summary>The VMM, or what stands in for it, names itself. (Any VMM can show any name.)</summary>
    SaysItself,

    /// <summary>Something that is usually so under this VMM, and may be so elsewhere.</summary>
    Hint,

    /// <summary>User mode cannot tell whether it is so.</summary>
    CannotTell,
}
