using System.Runtime.InteropServices;

namespace Hypercall.Native;

/// <summary>The system calls that hold memory. Numbers are those of x86-64.</summary>
internal static unsafe partial class LinuxMemory
{
    // mmap(2); asm-generic/mman-common.h, asm-generic/mman.h
    public const int ProtRead = 1;
    public const int ProtWrite = 2;
    public const int MapShared = 0x01;
    public const int MapPrivate = 0x02;
    public const int MapAnonymous = 0x20;
    public const int MapNoReserve = 0x4000;
    public const int MapHugeTlb = 0x4_0000;
    public const int MapHuge2M = 21 << 26; // log2 of the size, MAP_HUGE_SHIFT = 26
    public const int MapHuge1G = 30 << 26;

    // madvise(2); asm-generic/mman-common.h
    public const int AdviseDontFork = 10;
    public const int AdviseHugePage = 14;
    public const int AdviseNoHugePage = 15;
    public const int AdviseDontDump = 16;
    public const int AdvisePopulateWrite = 23; // Linux 5.14
    public const int AdviseCollapse = 25;      // Linux 6.1

    // errno(3); asm-generic/errno-base.h, asm-generic/errno.h
    public const int NotPermitted = 1;    // EPERM
    public const int NoEntry = 2;         // ENOENT
    public const int Interrupted = 4;     // EINTR
    public const int TryAgain = 11;       // EAGAIN
    public const int NoMemory = 12;       // ENOMEM
    public const int AccessDenied = 13;   // EACCES
    public const int BadAddress = 14;     // EFAULT
    public const int InvalidArgument = 22; // EINVAL
    public const int FileTableFull = 23;  // ENFILE
    public const int TooManyFiles = 24;   // EMFILE
    public const int NoSystemCall = 38;   // ENOSYS
    public const int NotSupported = 95;   // EOPNOTSUPP

    // open(2), openat(2); asm-generic/fcntl.h, arch/x86
    public const int OpenReadOnly = 0;
    public const int OpenReadWrite = 2;
    public const int OpenCloseOnExec = 0x8_0000;
    public const int OpenTemporaryFile = 0x41_0000; // O_TMPFILE = __O_TMPFILE | O_DIRECTORY

    // getrlimit(2); asm-generic/resource.h
    private const int LimitMemLock = 8;

    // arch/x86/entry/syscalls/syscall_64.tbl
    private const long NumberOfIoUringSetup = 425;
    private const long NumberOfIoUringRegister = 427;
    private const long NumberOfFsOpen = 430;
    private const long NumberOfFsConfig = 431;
    private const long NumberOfFsMount = 432;

    public static int LastError => Marshal.GetLastPInvokeError();

    /// <returns>The address, or 0 and <see cref="LastError"/>.</returns>
    public static nuint Map(nuint length, int flags, int file = -1)
    {
        nint address = MMap(0, length, ProtRead | ProtWrite, flags, file, 0);
        return address == -1 ? 0 : (nuint)address;
    }

    /// <returns>0, or the error.</returns>
    public static int Advise(nuint start, nuint length, int advice)
    {
        // MADV_COLLAPSE gives EAGAIN while somebody refers to a page; who pinned it may do so for ever.
        const int Attempts = 16;
        for (int attempt = 1; MAdvise(start, length, advice) != 0;)
        {
            int error = LastError;
            if (error != Interrupted && (error != TryAgain || attempt++ == Attempts))
            {
                return error;
            }
        }

        return 0;
    }

    /// <returns>0, or the error.</returns>
    public static int Lock(nuint start, nuint length) => MLock(start, length) == 0 ? 0 : LastError;

    public static void Unlock(nuint start, nuint length) => _ = MUnlock(start, length);

    public static void Unmap(nuint start, nuint length) => _ = MUnmap(start, length);

    /// <returns>Whether every page of the range is mapped.</returns>
    public static bool IsMapped(PageSpan pages)
    {
        // mincore(2): ENOMEM when part of the range is unmapped. One byte of answer a page, asked for in pieces.
        const int PiecePages = 4096;
        byte* answer = stackalloc byte[PiecePages];
        for (nuint at = pages.Start; at < pages.End; at += (nuint)PiecePages * GuestPage.Size)
        {
            if (MInCore(at, Math.Min(pages.End - at, (nuint)PiecePages * GuestPage.Size), answer) != 0 && LastError == NoMemory)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>RLIMIT_MEMLOCK in bytes; null when there is none.</summary>
    public static long? MemLockLimit
    {
        get
        {
            ulong* limit = stackalloc ulong[2]; // struct rlimit: soft, hard
            return GetRLimit(LimitMemLock, limit) != 0 || limit[0] > long.MaxValue ? null : (long)limit[0];
        }
    }

    public static int IoUringSetup(uint entries, void* parameters) => (int)SysCall(NumberOfIoUringSetup, (nint)entries, (nint)parameters, 0, 0, 0);

    public static int IoUringRegister(int ring, uint operation, void* argument, uint count) =>
        (int)SysCall(NumberOfIoUringRegister, ring, (nint)operation, (nint)argument, (nint)count, 0);

    public static int FsOpen(byte* type, uint flags) => (int)SysCall(NumberOfFsOpen, (nint)type, (nint)flags, 0, 0, 0);

    public static int FsConfig(int context, uint command) => (int)SysCall(NumberOfFsConfig, context, (nint)command, 0, 0, 0);

    public static int FsMount(int context, uint flags, uint attributes) => (int)SysCall(NumberOfFsMount, context, (nint)flags, (nint)attributes, 0, 0);

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

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MMap(nuint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int MUnmap(nuint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int MAdvise(nuint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mlock", SetLastError = true)]
    private static partial int MLock(nuint address, nuint length);

    [LibraryImport("libc", EntryPoint = "munlock", SetLastError = true)]
    private static partial int MUnlock(nuint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mincore", SetLastError = true)]
    private static partial int MInCore(nuint address, nuint length, byte* answer);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetRLimit(int resource, ulong* limit);

    // Variadic in C; on x86-64 integer arguments travel the same way (System V ABI, 3.2.3), and the function uses no vector register.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SysCall(long number, nint first, nint second, nint third, nint fourth, nint fifth);
}
