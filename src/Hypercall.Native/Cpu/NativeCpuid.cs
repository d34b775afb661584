using System.Runtime.Intrinsics.X86;

namespace Hypercall.Native;

/// <summary>The CPUID instruction of the CPU this process runs on.</summary>
/// <remarks>
/// It executes on whatever CPU the thread is at that moment, and a VMM may intercept it: the answer is what the VMM lets this
/// guest see.
/// </remarks>
public sealed class NativeCpuid : ICpuid
{
    /// <inheritdoc/>
    /// <exception cref="PlatformNotSupportedException">This process does not run on an x86 CPU.</exception>
    public CpuidResult Query(uint leaf, uint subleaf = 0)
    {
        if (!X86Base.IsSupported)
        {
            throw new PlatformNotSupportedException(
                $"CPUID exists on x86 CPUs only; this process is {System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture}. "
                + "The fake VMM (AddFakeMachine) runs anywhere.");
        }

        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)subleaf);
        return new CpuidResult((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }
}
