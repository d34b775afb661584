using Hypercall.Native.Execution;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Guard;

/// <summary>
/// Which fault it was. Linux' trap number is believed when it is one that the kernel turns into that signal; emulators
/// (qemu-user, gVisor) leave it 0, or what it was.
/// </summary>
/// <remarks>
/// <code>
///   SIGILL    6 #UD
///   SIGSEGV   4 #OF, 5 #BR, 10 #TS, 13 #GP, 14 #PF, 20 #VE, 21 #CP           arch/x86/kernel/traps.c, idt.c, cet.c, mm/fault.c
///   SIGBUS    11 #NP, 12 #SS, 14 #PF, 17 #AC, 18 #MC
/// </code>
/// </remarks>
internal static class FaultKinds
{
    private const int Unknown = -1;

    /// <summary>The fault, without where it was.</summary>
    public static CpuFault Judge(in NativeFault fault)
    {
        int trap = IsBelieved(fault.Code, fault.Trap) ? (int)fault.Trap : Unknown;
        CpuFaultKind kind = trap switch
        {
            6 => CpuFaultKind.InvalidOpcode, // vectors: Intel SDM vol. 3A, table 6-1; AMD APM vol. 2, table 8-1
            13 => CpuFaultKind.GeneralProtection,
            14 => CpuFaultKind.PageFault,
            Unknown when fault.Code == Libc.SigIll => CpuFaultKind.InvalidOpcode, // there is no other that gives it
            _ => CpuFaultKind.Other,
        };

        // CR2 is what the kernel also reports as the address; an emulator may know only one of them.
        bool hasCr2 = kind == CpuFaultKind.PageFault && fault.PageFaultAddress != 0;
        return new CpuFault(kind)
        {
            Code = (uint)fault.Code,
            TrapNumber = trap,
            ErrorCode = trap == Unknown ? 0 : fault.ErrorCode,
            Address = new GuestVirtualAddress(hasCr2 ? fault.PageFaultAddress : fault.ReportedAddress),
        };
    }

    private static bool IsBelieved(ulong code, long trap) => code switch
    {
        Libc.SigIll => trap is 6,
        Libc.SigSegv => trap is 4 or 5 or 10 or 13 or 14 or 20 or 21,
        Libc.SigBus => trap is 11 or 12 or 14 or 17 or 18,
        _ => true, // Windows: the handler derived it from the code
    };
}
