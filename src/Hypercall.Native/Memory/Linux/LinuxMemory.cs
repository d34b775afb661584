using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>The system calls that hold memory, without what libc adds to them. Numbers are those of x86-64.</summary>
internal static unsafe class LinuxMemory
{
    // getrlimit(2); asm-generic/resource.h
    private const int LimitMemLock = 8;

    // arch/x86/entry/syscalls/syscall_64.tbl
    private const long NumberOfIoUringSetup = 425;
    private const long NumberOfIoUringRegister = 427;
    private const long NumberOfFsOpen = 430;
    private const long NumberOfFsConfig = 431;
    private const long NumberOfFsMount = 432;

    /// <returns>The address, or 0 and <see cref="Libc.LastError"/>.</returns>
    public static nuint Map(nuint length, int flags, int file = -1)
    {
        nint address = Libc.MemoryMap(0, length, Libc.ProtRead | Libc.ProtWrite, flags, file, 0);
        return address == Libc.MapFailed ? 0 : (nuint)address;
    }

    /// <returns>0, or the error.</returns>
    public static int Advise(nuint start, nuint length, int advice)
    {
        // MADV_COLLAPSE gives EAGAIN while somebody refers to a page; who pinned it may do so for ever.
        const int Attempts = 16;
        for (int attempt = 1; Libc.MemoryAdvise(start, length, advice) != 0;)
        {
            int error = Libc.LastError;
            if (error != Errno.EINTR && (error != Errno.EAGAIN || attempt++ == Attempts))
            {
                return error;
            }
        }

        return 0;
    }

    /// <returns>0, or the error.</returns>
    public static int Lock(nuint start, nuint length) => Libc.MemoryLock(start, length) == 0 ? 0 : Libc.LastError;

    public static void Unlock(nuint start, nuint length) => _ = Libc.MemoryUnlock(start, length);

    public static void Unmap(nuint start, nuint length) => _ = Libc.MemoryUnmap(start, length);

    /// <returns>Whether every page of the range is mapped.</returns>
    public static bool IsMapped(PageSpan pages)
    {
        // mincore(2): ENOMEM when part of the range is unmapped. One byte of answer a page, asked for in pieces.
        const int PiecePages = 4096;
        byte* answer = stackalloc byte[PiecePages];
        for (nuint at = pages.Start; at < pages.End; at += (nuint)PiecePages * GuestPage.Size)
        {
            if (Libc.MemoryInCore(at, Math.Min(pages.End - at, (nuint)PiecePages * GuestPage.Size), answer) != 0 && Libc.LastError == Errno.ENOMEM)
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
            return Libc.GetResourceLimit(LimitMemLock, limit) != 0 || limit[0] > long.MaxValue ? null : (long)limit[0];
        }
    }

    public static int IoUringSetup(uint entries, void* parameters) =>
        (int)Libc.SystemCall(NumberOfIoUringSetup, (nint)entries, (nint)parameters, 0, 0, 0);

    public static int IoUringRegister(int ring, uint operation, void* argument, uint count) =>
        (int)Libc.SystemCall(NumberOfIoUringRegister, ring, (nint)operation, (nint)argument, (nint)count, 0);

    public static int FsOpen(byte* type, uint flags) => (int)Libc.SystemCall(NumberOfFsOpen, (nint)type, (nint)flags, 0, 0, 0);

    public static int FsConfig(int context, uint command, byte* key = null, byte* value = null) =>
        (int)Libc.SystemCall(NumberOfFsConfig, context, (nint)command, (nint)key, (nint)value, 0);

    public static int FsMount(int context, uint flags, uint attributes) =>
        (int)Libc.SystemCall(NumberOfFsMount, context, (nint)flags, (nint)attributes, 0, 0);
}
