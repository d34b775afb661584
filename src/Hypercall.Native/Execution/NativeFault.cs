using System.Runtime.InteropServices;

namespace Hypercall.Native.Execution;

/// <summary>What the stub's fault exit writes, from what the guard left in the registers.</summary>
/// <remarks>
/// <code>
/// offset  00    08    10          18   20       28           size 30 (48 bytes)
///         code  trap  error code  CR2  si_addr  frame
/// from    RAX   RCX   RDX         RSI  RDI      the stack
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeFault
{
    public ulong Code;
    public long Trap;
    public ulong ErrorCode;
    public ulong PageFaultAddress;
    public ulong ReportedAddress;
    public nint Frame;
}
