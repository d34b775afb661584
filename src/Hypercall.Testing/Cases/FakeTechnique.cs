namespace Hypercall.Testing;

/// <summary>The ways of handing a buffer over.</summary>
public enum FakeTechnique
{
    /// <summary>By guest virtual address.</summary>
    Virtual,

    /// <summary>By physical address, in one piece.</summary>
    Contiguous,

    /// <summary>By physical address, one call for each page.</summary>
    PageByPage,

    /// <summary>By a list of frames.</summary>
    FrameList,
}
