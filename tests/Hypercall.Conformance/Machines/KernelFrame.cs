using System.Runtime.InteropServices;

namespace Hypercall.Conformance;

/// <summary>struct hypercall_frame of rig/module/hypercall.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct KernelFrame
{
    public ulong Rax;
    public ulong Rbx;
    public ulong Rcx;
    public ulong Rdx;
    public ulong Rsi;
    public ulong Rdi;
}
