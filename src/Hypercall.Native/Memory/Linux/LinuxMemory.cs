using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>The system calls that hold memory, without what libc adds to them. Numbers are those of x86-64.</summary>
internal static unsafe class LinuxMemory
{
    // getrlimit(2); asm-generic/resource.h
    private const int LimitData = 2;
    private const int LimitMemLock = 8;
    private const int LimitAddressSpace = 9;

    // arch/x86/entry/syscalls/syscall_64.tbl
    private const long NumberOfFutex = 202;
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
        Attempts attempts = default;
        while (Libc.MemoryAdvise(start, length, advice) != 0)
        {
            if (Libc.LastError is int error && !attempts.Another(error))
            {
                return error;
            }
        }

        return 0;
    }

    /// <returns>0, or the error.</returns>
    public static int Lock(nuint start, nuint length)
    {
        Attempts attempts = default;
        while (Libc.MemoryLock(start, length) != 0)
        {
            if (Libc.LastError is int error && !attempts.Another(error))
            {
                return error;
            }
        }

        return 0;
    }

    /// <summary>Whether a page of a mapping is locked, as msync(2) tells: it does not invalidate what is locked.</summary>
    /// <returns>0, EBUSY when it is locked, or another error.</returns>
    public static int AskLocked(nuint page) => Libc.MemorySync(page, GuestPage.Size, Libc.SyncAsync | Libc.SyncInvalidate) == 0 ? 0 : Libc.LastError;

    /// <summary>
    /// Has the kernel do an atomic OR of 0 on a word: as a store, but a page that cannot be had is an error, and no signal.
    /// </summary>
    /// <returns>0, or the error.</returns>
    public static int OrZero(int* word)
    {
        // futex(2): FUTEX_WAKE_OP does "oldval = *uaddr2; *uaddr2 = oldval | oparg", wakes val waiters on uaddr, and val2 on
        // uaddr2 if oldval < cmparg. Nobody waits on uaddr; a waiter on uaddr2 may be woken for nothing, which every waiter has
        // to bear.
        const int WakeOperation = 5 | 128;                  // FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, linux/futex.h
        const int OrNothing = (2 << 28) | (2 << 24) | 0x800; // FUTEX_OP_OR, oparg 0, FUTEX_OP_CMP_LT, cmparg -2048
        int nobody = 0;
        return Libc.SystemCall(NumberOfFutex, (nint)(&nobody), WakeOperation, 0, 0, (nint)word, OrNothing) < 0 ? Libc.LastError : 0;
    }

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

    /// <summary>
    /// How many pages of shared memory or of a file are in memory, whether or not this process has touched them.
    /// </summary>
    /// <returns>
    /// The number; null where the kernel does not tell. To who may not write to the file, it says that all are: can_do_mincore(),
    /// mm/mincore.c.
    /// </returns>
    public static long? CountPresent(PageSpan pages)
    {
        const int PiecePages = 4096;
        byte* answer = stackalloc byte[PiecePages];
        long present = 0;
        for (nuint at = pages.Start; at < pages.End; at += (nuint)PiecePages * GuestPage.Size)
        {
            nuint length = Math.Min(pages.End - at, (nuint)PiecePages * GuestPage.Size);
            if (Libc.MemoryInCore(at, length, answer) != 0)
            {
                return null;
            }

            foreach (byte page in new ReadOnlySpan<byte>(answer, (int)(length / GuestPage.Size)))
            {
                present += page & 1;
            }
        }

        return present;
    }

    /// <summary>RLIMIT_MEMLOCK in bytes; null when there is none.</summary>
    public static long? MemLockLimit => Limit(LimitMemLock);

    /// <summary>RLIMIT_AS in bytes; null when there is none.</summary>
    public static long? AddressSpaceLimit => Limit(LimitAddressSpace);

    /// <summary>RLIMIT_DATA in bytes; null when there is none.</summary>
    public static long? DataLimit => Limit(LimitData);

    private static long? Limit(int resource)
    {
        ulong* limit = stackalloc ulong[2]; // struct rlimit: soft, hard
        return Libc.GetResourceLimit(resource, limit) != 0 || limit[0] > long.MaxValue ? null : (long)limit[0];
    }

    /// <summary>
    /// Closes a descriptor that a call gave; 0 is what a filter gives that answers success in the kernel's place, and most likely
    /// standard input.
    /// </summary>
    public static void Close(int file)
    {
        if (file > 0)
        {
            _ = Libc.Close(file);
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
