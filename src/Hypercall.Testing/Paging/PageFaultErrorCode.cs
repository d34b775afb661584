namespace Hypercall.Testing;

/// <summary>
/// The error code that a CPU gives with #PF: Intel SDM vol. 3A, section 4.7; AMD APM vol. 2, section 8.4.2.
/// </summary>
/// <remarks>
/// <code>
///    4     3      2     1    0
/// [ I/D ][RSVD][ U/S ][W/R][ P ]     W/R, U/S and I/D describe the access, not the page
/// </code>
/// Bits 5 (protection keys), 6 (shadow stacks) and higher ones are never set: the fake machine has none of these features.
/// </remarks>
[Flags]
public enum PageFaultErrorCode : ulong
{
    /// <summary>A read of data by the kernel found an entry that is not present.</summary>
    None = 0,

    /// <summary>
    /// P: every entry that was read is present; the access is forbidden, or a reserved bit is set. Without it, an entry is not
    /// present.
    /// </summary>
    Present = 1 << 0,

    /// <summary>W/R: the access was a write.</summary>
    Write = 1 << 1,

    /// <summary>U/S: the access was made at CPL 3.</summary>
    User = 1 << 2,

    /// <summary>RSVD: an entry that is present has a reserved bit set. Never without <see cref="Present"/>.</summary>
    Reserved = 1 << 3,

    /// <summary>I/D: the access was a fetch of an instruction, and no-execute pages are enabled (EFER.NXE).</summary>
    Fetch = 1 << 4,
}
