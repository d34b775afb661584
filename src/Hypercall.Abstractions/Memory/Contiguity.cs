namespace Hypercall;

/// <summary>How the frames of a buffer lie in guest physical memory.</summary>
public enum Contiguity
{
    /// <summary>Anywhere.</summary>
    Any,

    /// <summary>One after the other, so that one address and one length describe them all.</summary>
    Contiguous,
}
