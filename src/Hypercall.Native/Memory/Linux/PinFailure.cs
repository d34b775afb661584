using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Which system call failed, and how: "mlock: Operation not permitted (EPERM)".</summary>
/// <param name="Call">The call, one of <see cref="LinuxCall"/>.</param>
/// <param name="Error">Its errno, or <see cref="Errno.NotDone"/>.</param>
internal readonly record struct PinFailure(string Call, int Error)
{
    public override string ToString() => $"{Call}: {Errno.Describe(Error)}";
}
