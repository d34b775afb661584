using System.Runtime.InteropServices;

namespace Hypercall.Native.Interop;

internal static unsafe partial class Kernel32
{
    // winnt.h
    public const uint MemCommit = 0x1000;
    public const uint MemReserve = 0x2000;
    public const uint PageNoAccess = 0x01;
    public const uint PageReadWrite = 0x04;
    public const uint PageExecuteRead = 0x20;

    [LibraryImport("kernel32", SetLastError = true)]
    public static partial nint VirtualAlloc(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    public static partial int VirtualProtect(nint address, nuint size, uint protection, uint* old);

    [LibraryImport("kernel32")]
    public static partial int FlushInstructionCache(nint process, nint address, nuint size);

    public const int UserShadowStackPolicy = 15; // PROCESS_MITIGATION_POLICY
    public const uint EnableUserShadowStack = 1; // bit 0 of PROCESS_MITIGATION_USER_SHADOW_STACK_POLICY

    [LibraryImport("kernel32")]
    public static partial nint AddVectoredExceptionHandler(uint first, nint handler);

    [LibraryImport("kernel32")]
    public static partial nint GetCurrentProcess();

    [LibraryImport("kernel32")]
    public static partial int GetProcessMitigationPolicy(nint process, int policy, uint* buffer, nuint length);
}
