using Hypercall.Native.Interop;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hypercall.Native;

/// <summary>What this process can see of what is under its guest: CPUID, and on Linux the files of /proc, /sys and
/// /dev.</summary>
/// <param name="cpuid">The CPUID instruction.</param>
internal sealed class NativeHypervisorSigns(ICpuid cpuid) : IHypervisorSigns
{
    public ICpuid Cpuid => cpuid;

    public ICpuid? TryGetForcedCpuid()
    {
        try
        {
            IHypercallProvider way = new ForcedWay();
            ForcedCpuid forced = new(way.Open(new HypercallTarget(CpuIdentity.Read(cpuid), way), NullLoggerFactory.Instance));
            return forced.Answers ? forced : null;
        }
        catch (Exception e) when (e is PlatformNotSupportedException or ExecutableMemoryException)
        {
            return null; // where a fault would not be a result it is not executed
        }
    }

    public string? TryReadFile(string path) => OperatingSystem.IsLinux() ? KernelFile.TryRead(path) : null;

    public bool FileExists(string path) => OperatingSystem.IsLinux() && File.Exists(path);

    // UD2, "xen", CPUID: Xen, xen/include/public/arch-x86/xen.h, XEN_CPUID. Elsewhere UD2 raises #UD, at the first byte.
    private sealed class ForcedWay() : InstructionProvider(
        "Xen's CPUID", new HypercallInstruction("XEN_CPUID", [0x0F, 0x0B, 0x78, 0x65, 0x6E, 0x0F, 0xA2]))
    {
    }

    private sealed class ForcedCpuid(IHypercallChannel channel) : ICpuid
    {
        public bool Answers => TryQuery(0x4000_0000, 0, out _);

        public CpuidResult Query(uint leaf, uint subleaf = 0) =>
            TryQuery(leaf, subleaf, out CpuidResult result) ? result : default;

        private bool TryQuery(uint leaf, uint subleaf, out CpuidResult result)
        {
            HypercallRegisters registers = new() { Rax = leaf, Rcx = subleaf };
            bool completed = channel.TryInvoke(ref registers).IsCompleted;
            result = completed
                ? new CpuidResult((uint)registers.Rax, (uint)registers.Rbx, (uint)registers.Rcx, (uint)registers.Rdx)
                : default;
            return completed;
        }
    }
}
