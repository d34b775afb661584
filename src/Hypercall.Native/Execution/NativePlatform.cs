using System.Runtime.InteropServices;

namespace Hypercall.Native.Execution;

/// <summary>What kind of process this is, and whether hypercalls can be made from it.</summary>
/// <param name="Os">Linux, Windows, or null for any other.</param>
/// <param name="Process">The architecture of the process, which an emulator may make differ from the CPU's.</param>
internal readonly record struct NativePlatform(OSPlatform? Os, Architecture Process)
{
    public static NativePlatform Current { get; } = new(
        OperatingSystem.IsLinux() ? OSPlatform.Linux : OperatingSystem.IsWindows() ? OSPlatform.Windows : null,
        RuntimeInformation.ProcessArchitecture);

    /// <exception cref="PlatformNotSupportedException">No hypercall can be made from such a process.</exception>
    public void Demand()
    {
        if (Process == Architecture.X64 && Os is not null)
        {
            return;
        }

        string why = Process switch
        {
            Architecture.X64 => "on this operating system",
            Architecture.X86 => "from a 32-bit process; run it as x64",
            _ => $"from a process of architecture {Process}: VMCALL and VMMCALL are x86-64 instructions",
        };
        throw new PlatformNotSupportedException(
            $"Hypercall.Native cannot make a hypercall {why}. It needs an x86-64 process on Linux (glibc or musl) or Windows. "
            + "The fake VMM (AddFakeMachine) runs anywhere.");
    }
}
