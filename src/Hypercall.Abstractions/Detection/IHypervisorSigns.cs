namespace Hypercall;

/// <summary>
/// Where a program in user mode can see what is under its guest. The real machine reads them, the fake machine has those that a
/// test gives it.
/// </summary>
public interface IHypervisorSigns
{
    /// <summary>The CPUID instruction.</summary>
    ICpuid Cpuid { get; }

    /// <summary>
    /// CPUID as Xen emulates it for a PV guest behind a prefix that is #UD everywhere else
    /// (<c>0F 0B 78 65 6E 0F A2</c>: Xen, tools/misc/xen-detect.c; Linux, arch/x86/include/asm/emulate_prefix.h).
    /// </summary>
    /// <returns>Null where it raises a fault, as under every other VMM and under none; or where it cannot be executed.</returns>
    ICpuid? TryGetForcedCpuid();

    /// <summary>The text of a small file of the guest's kernel.</summary>
    /// <param name="path">Its absolute path, such as <c>/sys/hypervisor/type</c>.</param>
    /// <returns>Null where there is none, or it may not be read.</returns>
    string? TryReadFile(string path);

    /// <summary>Whether a file or a device is there.</summary>
    /// <param name="path">Its absolute path.</param>
    bool FileExists(string path);
}
