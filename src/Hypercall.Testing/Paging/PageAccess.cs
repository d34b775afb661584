namespace Hypercall.Testing;

/// <summary>
/// What an access to memory is, as page protection sees it: Intel SDM vol. 3A, section 4.6. A fetch that writes does not exist.
/// </summary>
[Flags]
public enum PageAccess
{
    /// <summary>A read of data by the kernel (CPL 0 to 2).</summary>
    Read = 0,

    /// <summary>A write of data.</summary>
    Write = 1,

    /// <summary>By a program (CPL 3), not by the kernel.</summary>
    User = 2,

    /// <summary>A fetch of an instruction.</summary>
    Fetch = 4,
}
