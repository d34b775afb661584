namespace Hypercall.Native;

/// <summary>The permissions for ports that a guest's kernel gives to a thread.</summary>
internal interface IPortControl
{
    /// <summary>The kernel's lockdown, such as <c>integrity</c>; null where it does not say that there is one.</summary>
    string? Lockdown { get; }

    /// <summary>Whether the calling thread has CAP_SYS_RAWIO in its user namespace.</summary>
    bool MayRawIo { get; }

    /// <summary>ioperm(2), for the calling thread.</summary>
    /// <param name="first">The first port.</param>
    /// <param name="count">How many.</param>
    /// <param name="allow">Whether they are allowed from now on.</param>
    /// <returns>0, or the errno.</returns>
    int IoPerm(int first, int count, bool allow);

    /// <summary>iopl(2), for the calling thread.</summary>
    /// <param name="level">3 for all ports, 0 for none but ioperm's.</param>
    /// <returns>0, or the errno.</returns>
    int IoPl(int level);
}
