using System.Runtime.InteropServices;

namespace Hypercall.Native;

/// <summary>The calls of Windows that hold memory: memoryapi.h.</summary>
internal static unsafe partial class WindowsMemory
{
    public const uint FreeAll = 0x8000;        // MEM_RELEASE, winnt.h
    public const uint WritableMask = 0x04 | 0x08 | 0x40 | 0x80; // PAGE_READWRITE, WRITECOPY, EXECUTE_READWRITE, EXECUTE_WRITECOPY
    public const uint GuardedMask = 0x01 | 0x100; // PAGE_NOACCESS, PAGE_GUARD
    public const int WorkingSetQuota = 1453;   // ERROR_WORKING_SET_QUOTA, winerror.h

    /// <summary>For a call that failed for no limit that is known: the error as itself.</summary>
    public static GuestMemoryRefusal Refuse(string call, long length, int error) => new(
        error is 8 or 1450 or 1455 // ERROR_NOT_ENOUGH_MEMORY, ERROR_NO_SYSTEM_RESOURCES, ERROR_COMMITMENT_LIMIT, winerror.h
            ? GuestMemoryRefusalReason.OutOfMemory
            : GuestMemoryRefusalReason.SystemCallRefused,
        $"{call}: {Marshal.GetPInvokeErrorMessage(error)} (error {error}), for {length} bytes.");

    [LibraryImport("kernel32", EntryPoint = "VirtualFree", SetLastError = true)]
    public static partial int Free(nuint address, nuint length, uint type);

    [LibraryImport("kernel32", EntryPoint = "VirtualLock", SetLastError = true)]
    public static partial int Lock(nuint address, nuint length);

    [LibraryImport("kernel32", EntryPoint = "VirtualUnlock", SetLastError = true)]
    public static partial int Unlock(nuint address, nuint length);

    [LibraryImport("kernel32", EntryPoint = "VirtualQuery", SetLastError = true)]
    public static partial nuint Query(nuint address, MemoryInformation* information, nuint length);

    [LibraryImport("kernel32", EntryPoint = "GetProcessWorkingSetSize", SetLastError = true)]
    public static partial int GetWorkingSet(nint process, nuint* minimum, nuint* maximum);

    [LibraryImport("kernel32", EntryPoint = "SetProcessWorkingSetSize", SetLastError = true)]
    public static partial int SetWorkingSet(nint process, nuint minimum, nuint maximum);

#pragma warning disable CS0649 // filled by VirtualQuery
    // MEMORY_BASIC_INFORMATION (64-bit), winnt.h
    public struct MemoryInformation
    {
        public nuint BaseAddress;
        public nuint AllocationBase;
        public uint AllocationProtect;
        public uint PartitionAndAlignment;
        public nuint RegionSize;
        public uint State;
        public uint Protect;
        public uint Type;
        public uint Alignment;
    }
#pragma warning restore CS0649
}
