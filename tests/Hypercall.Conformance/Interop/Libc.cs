using System.Runtime.InteropServices;

namespace Hypercall.Conformance.Interop;

/// <summary>What scenarios need of Linux's libc.</summary>
internal static unsafe partial class Libc
{
    // include/uapi/asm-generic/mman-common.h
    public const int ProtNone = 0;
    public const int ProtRead = 1;
    public const int ProtReadWrite = 3;
    public const int MapShared = 0x01;
    public const int MapPrivate = 0x02;
    public const int MapAnonymous = 0x20;
    public const int DontNeed = 4;      // MADV_DONTNEED
    public const int NoHugePage = 15;   // MADV_NOHUGEPAGE
    public const int PageOut = 21;      // MADV_PAGEOUT, Linux 5.4

    // include/uapi/asm-generic/fcntl.h
    public const int OpenReadWrite = 2;
    public const int OpenCloseOnExec = 0x80000;

    public static readonly nint MapFailed = -1;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    public static partial int Advise(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    public static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "sync")]
    public static partial void Sync();
}
