using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>
/// The capabilities of the calling thread: threads have their own, and libc's setuid changes those of all; capabilities(7).
/// </summary>
internal static unsafe class LinuxCapabilities
{
    private const long NumberOfCapGet = 125;    // arch/x86/entry/syscalls/syscall_64.tbl
    private const uint Version3 = 0x2008_0522;  // _LINUX_CAPABILITY_VERSION_3, linux/capability.h

    /// <summary>The effective set, one bit each; 0 where a sandbox does not let it be asked for.</summary>
    public static ulong Effective
    {
        get
        {
            uint* header = stackalloc uint[2] { Version3, 0 }; // struct __user_cap_header_struct: version, pid; 0 is the caller
            uint* sets = stackalloc uint[6];                   // two of struct __user_cap_data_struct: effective, permitted, inheritable
            return Libc.SystemCall(NumberOfCapGet, (nint)header, (nint)sets, 0, 0, 0) == 0 ? sets[0] | ((ulong)sets[3] << 32) : 0;
        }
    }

    /// <summary>Whether the thread has one in its user namespace: the kernel's own word. False where that is refused.</summary>
    /// <param name="capability">Its number in linux/capability.h.</param>
    public static bool Has(int capability) => (Effective & (1ul << capability)) != 0;
}
