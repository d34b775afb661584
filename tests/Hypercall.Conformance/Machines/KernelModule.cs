using Hypercall.BitVisor;
using Hypercall.Linux;
using Hypercall.Native;

namespace Hypercall.Conformance;

/// <summary>The kernel module, /dev/hypercall (kernel/): calls at CPL 0, and its memory.</summary>
internal sealed class KernelModule : IDisposable
{
    private readonly NativeMachine _machine = new([new KernelModuleProvider()]);

    /// <summary>The way down from CPL 0.</summary>
    public IHypercallChannel Channel => _machine.Channel;

    /// <summary>The module's memory.</summary>
    public KernelMemory Memory { get; } = new();

    /// <summary>The VMM's functions, called at CPL 0.</summary>
    public BitVisorClient Vmm => field ??= new BitVisorClient(_machine);

    /// <summary>Why the device is not to be had; null when it is.</summary>
    public static string? WhyNot()
    {
        HypercallProbe probe = new KernelModuleProvider().Probe(new NativeCpuid());
        return probe.IsUsable ? null : probe.Reason;
    }

    public void Dispose()
    {
        Memory.Dispose();
        _machine.Dispose();
    }
}
