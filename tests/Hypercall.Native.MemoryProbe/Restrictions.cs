using System.Runtime.InteropServices;

namespace Hypercall.Native.MemoryProbe;

/// <summary>Takes rights away from this process, for good.</summary>
internal static unsafe partial class Restrictions
{
    public static void LimitLockedMemory(ulong bytes)
    {
        ulong* limit = stackalloc ulong[2] { bytes, bytes };
        Check(SetRLimit(8 /* RLIMIT_MEMLOCK, asm-generic/resource.h */, limit), "setrlimit");
    }

    /// <summary>Unmounts /proc, which the runtime needs to start. Only in a mount namespace of its own.</summary>
    public static void UnmountProc() => Check(Unmount("/proc", 2 /* MNT_DETACH, sys/mount.h */), "umount2");

    public static void AllowNoMoreFiles()
    {
        ulong* limit = stackalloc ulong[2] { 1, 1 };
        Check(SetRLimit(7 /* RLIMIT_NOFILE */, limit), "setrlimit");
    }

    public static bool IsOpen(int file) => FileControl(file, 1 /* F_GETFD */, 0) >= 0;

    /// <summary>
    /// Makes io_uring_setup fail with EPERM, as containers do: a seccomp filter, on this thread and its children.
    /// </summary>
    public static void BlockIoUring()
    {
        // struct sock_filter { u16 code; u8 jt; u8 jf; u32 k }, linux/filter.h
        ulong* program = stackalloc ulong[4]
        {
            Filter(0x20, 0, 0, 0),              // BPF_LD | BPF_W | BPF_ABS: the system call's number, seccomp_data + 0
            Filter(0x15, 0, 1, 425),            // BPF_JMP | BPF_JEQ | BPF_K: io_uring_setup
            Filter(0x06, 0, 0, 0x0005_0001),    // BPF_RET: SECCOMP_RET_ERRNO | EPERM
            Filter(0x06, 0, 0, 0x7FFF_0000),    // BPF_RET: SECCOMP_RET_ALLOW
        };
        Program filter = new() { Length = 4, Filter = program };
        Check(PrCtl(38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0), "prctl");
        Check(PrCtl(22 /* PR_SET_SECCOMP */, 2 /* SECCOMP_MODE_FILTER */, (nint)(&filter), 0, 0), "prctl");
    }

    private static ulong Filter(ushort code, byte whenTrue, byte whenFalse, uint value) =>
        code | ((ulong)whenTrue << 16) | ((ulong)whenFalse << 24) | ((ulong)value << 32);

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    // struct sock_fprog, linux/filter.h
    private struct Program
    {
        public ushort Length;
        public ulong* Filter;
    }

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetRLimit(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(int file, int command, int argument);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int PrCtl(int option, nint second, nint third, nint fourth, nint fifth);
}
