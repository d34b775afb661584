using System.Runtime.InteropServices;

namespace Hypercall.Native.Interop;

/// <summary>
/// The libc of Linux x86-64, glibc or musl: their <c>struct sigaction</c> are laid out alike, and the constants are the kernel's.
/// Each function is declared here, once.
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
    public const int SigBlock = 0;
    public const int SigUnblock = 1;

    // mmap(2); include/uapi/asm-generic/mman-common.h, asm-generic/mman.h
    public const int ProtNone = 0;
    public const int ProtRead = 1;
    public const int ProtWrite = 2;
    public const int ProtExec = 4;
    public const int MapShared = 0x01;
    public const int MapPrivate = 0x02;
    public const int MapFixed = 0x10;
    public const int MapAnonymous = 0x20;
    public const int MapNoReserve = 0x4000;
    public const int MapHugeTlb = 0x4_0000;
    public const int MapHuge2M = 21 << 26; // log2 of the size, MAP_HUGE_SHIFT = 26
    public const int MapHuge1G = 30 << 26;
    public static readonly nint MapFailed = -1;

    // madvise(2); include/uapi/asm-generic/mman-common.h
    public const int AdviseDontNeed = 4;
    public const int AdviseDontFork = 10;
    public const int AdviseHugePage = 14;
    public const int AdviseNoHugePage = 15;
    public const int AdviseDontDump = 16;
    public const int AdvisePopulateWrite = 23; // Linux 5.14
    public const int AdviseCollapse = 25;      // Linux 6.1

    // msync(2); include/uapi/asm-generic/mman-common.h
    public const int SyncAsync = 1;
    public const int SyncInvalidate = 2;

    // open(2), openat(2); include/uapi/asm-generic/fcntl.h, arch/x86
    public const int OpenReadOnly = 0;
    public const int OpenReadWrite = 2;
    public const int OpenCloseOnExec = 0x8_0000;
    public const int OpenTemporaryFile = 0x41_0000; // O_TMPFILE = __O_TMPFILE | O_DIRECTORY

    // include/uapi/linux/memfd.h, include/uapi/linux/fcntl.h
    public const uint MfdCloseOnExec = 0x1;
    public const uint MfdAllowSealing = 0x2;
    public const uint MfdExec = 0x10; // Linux 6.3
    public const int FAddSeals = 1033;
    public const int SealSeal = 0x1;
    public const int SealShrink = 0x2;
    public const int SealGrow = 0x4;
    public const int SealWrite = 0x8;

    /// <summary>The errno of the last call on this thread.</summary>
    public static int LastError => Marshal.GetLastPInvokeError();

    [LibraryImport("libc", EntryPoint = "sigaction", SetLastError = true)]
    public static partial int SignalAction(int signal, SignalActionRecord* action, SignalActionRecord* old);

    // On Linux it is the calling thread's mask, as pthread_sigmask's, which older versions of glibc keep in another library.
    [LibraryImport("libc", EntryPoint = "sigprocmask", SetLastError = true)]
    public static partial int SignalMask(int how, SignalSet* set, SignalSet* old);

    [LibraryImport("libc", EntryPoint = "process_vm_readv", SetLastError = true)]
    public static partial nint ReadProcessMemory(int process, IoVector* local, nuint locals, IoVector* remote, nuint remotes, nuint flags);

    [LibraryImport("libc", EntryPoint = "dl_iterate_phdr")]
    public static partial int IterateProgramHeaders(delegate* unmanaged<ProgramHeaders*, nuint, nint, int> visit, nint data);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int MemoryUnmap(nuint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    public static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    public static partial int MemoryAdvise(nuint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mlock", SetLastError = true)]
    public static partial int MemoryLock(nuint address, nuint length);

    [LibraryImport("libc", EntryPoint = "munlock", SetLastError = true)]
    public static partial int MemoryUnlock(nuint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mincore", SetLastError = true)]
    public static partial int MemoryInCore(nuint address, nuint length, byte* answer);

    [LibraryImport("libc", EntryPoint = "msync", SetLastError = true)]
    public static partial int MemorySync(nuint address, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    public static partial int GetResourceLimit(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true)]
    public static partial int MemoryFileCreate(byte* name, uint flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int OpenAt(int directory, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int SetFileLength(int file, long length);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint PRead(int file, void* buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint WriteAt(int fd, byte* bytes, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "sysinfo", SetLastError = true)]
    public static partial int SystemInformation(void* info);

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    public static partial int FileSystemStatus(int file, void* status);

    // Variadic in C. On x86-64 a variadic call of integers is an ordinary one, but for AL, which only counts vector registers.
    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int FileControl(int fd, int command, int argument);

    // Variadic in C; on x86-64 integer arguments travel the same way (System V ABI, 3.2.3), and the function uses no vector
    // register.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial long SystemCall(long number, nint first, nint second, nint third, nint fourth, nint fifth, nint sixth = 0);

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

    /// <summary><c>sigset_t</c>: the kernel reads the first 64 bits, signal N is bit N - 1.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    public struct SignalSet
    {
        [FieldOffset(0)]
        public ulong Signals;
    }

    /// <summary><c>struct iovec</c>.</summary>
    public struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    /// <summary><c>struct dl_phdr_info</c>, as far as it is read.</summary>
    public struct ProgramHeaders
    {
        public ulong Base;
        public byte* Name;
        public ProgramHeader* Headers;
        public ushort Count;
    }

    /// <summary><c>Elf64_Phdr</c>: elf(5).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 56)]
    public struct ProgramHeader
    {
        [FieldOffset(0)]
        public uint Type;

        [FieldOffset(16)]
        public ulong Address;

        [FieldOffset(40)]
        public ulong MemorySize;
    }
}
