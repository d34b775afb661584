namespace Hypercall;

/// <summary>What is asked of memory that goes to a VMM.</summary>
public sealed class GuestBufferOptions
{
    /// <summary>Pinned, anywhere in physical memory, nothing less.</summary>
    public static GuestBufferOptions Default { get; } = new();

    /// <summary>What holds the pages. The default is <see cref="Residency.Pinned"/>.</summary>
    public Residency Residency { get; init; } = Residency.Pinned;

    /// <summary>How the frames lie. The default is <see cref="Contiguity.Any"/>.</summary>
    public Contiguity Contiguity { get; init; } = Contiguity.Any;

    /// <summary>
    /// Whether a fallback will do when the machine cannot give what is asked: locked instead of pinned, touched instead of
    /// locked, scattered instead of contiguous. The buffer says what it got. The default is false: then it is an error that names
    /// the limit.
    /// </summary>
    public bool AllowFallback { get; init; }
}
