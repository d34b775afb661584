using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>The permissions for ports of Linux x86-64.</summary>
internal sealed class LinuxPorts : IPortControl
{
    private const long NumberOfIoPl = 172; // arch/x86/entry/syscalls/syscall_64.tbl
    private const long NumberOfIoPerm = 173;
    private const int CapabilityRawIo = 17; // linux/capability.h, CAP_SYS_RAWIO

    public static LinuxPorts Instance { get; } = new();

    // kernel_lockdown(7): "none [integrity] confidentiality", the one in brackets holds.
    public string? Lockdown => LockdownIn(KernelFile.TryRead("/sys/kernel/security/lockdown"));

    public bool MayRawIo => LinuxCapabilities.Has(CapabilityRawIo);

    /// <summary>The level that a text of the kernel's names; null for none.</summary>
    public static string? LockdownIn(string? text)
    {
        int open = text?.IndexOf('[', StringComparison.Ordinal) ?? -1;
        int close = open < 0 ? -1 : text!.IndexOf(']', open);
        string? level = close < 0 ? null : text![(open + 1)..close];
        return level is "none" ? null : level;
    }

    public int IoPerm(int first, int count, bool allow) =>
        Libc.SystemCall(NumberOfIoPerm, first, count, allow ? 1 : 0, 0, 0) == 0 ? 0 : Libc.LastError;

    public int IoPl(int level) => Libc.SystemCall(NumberOfIoPl, level, 0, 0, 0, 0) == 0 ? 0 : Libc.LastError;
}
