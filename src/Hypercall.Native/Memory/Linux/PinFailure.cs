using System.Runtime.InteropServices;

namespace Hypercall.Native;

/// <summary>Which system call refused to pin, and how.</summary>
/// <param name="Call">The call.</param>
/// <param name="Error">Its errno.</param>
internal readonly record struct PinFailure(string Call, int Error)
{
    public override string ToString() => $"{Call}: {Marshal.GetPInvokeErrorMessage(Error)} (errno {Error})";
}
