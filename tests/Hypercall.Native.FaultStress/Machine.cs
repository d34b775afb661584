using System.Runtime.InteropServices;

namespace Hypercall.Native.FaultStress;

/// <summary>System calls that only these modes need.</summary>
internal static partial class Machine
{
    public const int PrSetMdwe = 65;             // include/uapi/linux/prctl.h, Linux 6.3
    public const nuint PrMdweRefuseExecGain = 1;

    [LibraryImport("libc", EntryPoint = "kill")]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);
}
