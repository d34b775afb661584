using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Counts attempts at a call that says "try again" (EINTR, EAGAIN), which one may say for ever.</summary>
internal struct Attempts
{
    public const int Most = 16;

    private int _failed;

    /// <returns>Whether the call may be made once more.</returns>
    public bool Another(int error) => error is Errno.EINTR or Errno.EAGAIN && ++_failed < Most;
}
