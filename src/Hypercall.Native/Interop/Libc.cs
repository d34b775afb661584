using System.Runtime.InteropServices;

namespace Hypercall.Native.Interop;

/// <summary>
/// The libc of Linux x86-64, glibc or musl: their <c>struct sigaction</c> are laid out alike, and the constants are the kernel's.
/// </summary>
internal static unsafe partial class Libc
{
    // include/uapi/asm-generic/signal.h, arch/x86/include/uapi/asm/signal.h
    public const int SigIll = 4;
    public const int SigBus = 7;
    public const int SigSegv = 11;
    public const nint SigDfl = 0;
    public const nint SigIgn = 1;
    public const uint SaSigInfo = 0x4;
    public const uint SaOnStack = 0x0800_0000;
    public const uint SaRestorer = 0x0400_0000; // libc's own business
    public const uint SaResetHand = 0x8000_0000;

    // include/uapi/asm-generic/mman-common.h
    public const int ProtNone = 0;
    public const int ProtRead = 1;
    public const int ProtWrite = 2;
    public const int ProtExec = 4;
    public const int MapPrivate = 0x02;
    public const int MapFixed = 0x10;
    public const int MapAnonymous = 0x20;
    public const int MapNoReserve = 0x4000;
    public static readonly nint MapFailed = -1;

    // include/uapi/linux/memfd.h, include/uapi/linux/fcntl.h
    public const uint MfdCloseOnExec = 0x1;
    public const uint MfdAllowSealing = 0x2;
    public const uint MfdExec = 0x10; // Linux 6.3
    public const int FAddSeals = 1033;
    public const int SealSeal = 0x1;
    public const int SealShrink = 0x2;
    public const int SealGrow = 0x4;
    public const int SealWrite = 0x8;

    public const int ErrInvalid = 22; // EINVAL

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    public static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true)]
    public static partial int MemoryFileCreate(byte* name, uint flags);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint WriteAt(int fd, byte* bytes, nuint count, long offset);

    // Variadic in C. On x86-64 a variadic call of integers is an ordinary one, but for AL, which only counts vector registers.
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int FileControl(int fd, int command, int argument);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "sigaction", SetLastError = true)]
    public static partial int SignalAction(int signal, SignalActionRecord* action, SignalActionRecord* old);

    /// <summary><c>struct sigaction</c> as the libc sees it (not the kernel's, which is shorter).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 152)]
    public struct SignalActionRecord
    {
        [FieldOffset(0)]
        public nint Handler;

        [FieldOffset(8)]
        public fixed ulong Mask[16];

        [FieldOffset(136)]
        public uint Flags;

        [FieldOffset(144)]
        public nint Restorer;
    }
}
