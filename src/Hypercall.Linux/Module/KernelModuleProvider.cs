using Microsoft.Extensions.Logging;

namespace Hypercall.Linux;

/// <summary>
/// The kernel module that comes with this library, <c>/dev/hypercall</c>: the vendor's instruction, VMCALL or VMMCALL, executed
/// at CPL 0 in the caller's address space, with all 15 registers in and out. For VMMs that refuse user mode.
/// </summary>
/// <remarks>
/// The module calls what its allow-list names, and nothing else; the list is empty until root fills it. Whoever may open the
/// device may do to the machine what the VMM does on his word: docs/kernel-module.md. For memory at a physical address, kept for
/// a VMM past the end of the program, see <see cref="KernelMemory"/>.
/// </remarks>
public sealed class KernelModuleProvider : IHypercallProvider
{
    private readonly IDeviceKernel? _kernel;

    /// <summary>Describes the way. Nothing is opened.</summary>
    public KernelModuleProvider()
        : this(OperatingSystem.IsLinux() ? LinuxDeviceKernel.Instance : null)
    {
    }

    internal KernelModuleProvider(IDeviceKernel? kernel) => _kernel = kernel;

    /// <summary><c>kernel-module</c>.</summary>
    public string Name => "kernel-module";

    /// <summary>
    /// Usable where the device can be opened and speaks this library's version of its interface; never the CPU's own choice.
    /// Otherwise it tells apart that no module is loaded, what permission is lacking, and which version there is. Opens and
    /// closes the device.
    /// </summary>
    /// <param name="cpuid">The CPU.</param>
    public HypercallProbe Probe(ICpuid cpuid)
    {
        using DeviceFile? file = ModuleDevice.TryOpen(_kernel, out _, out DeviceProblem? problem);
        return problem?.ToProbe() ?? HypercallProbe.Usable;
    }

    /// <summary>
    /// Opens a channel. Where the device cannot be opened, each call tries again, and is refused as long as it cannot
    /// (<see cref="HypercallStatus.Refusal"/>).
    /// </summary>
    /// <param name="target">What the channel's faults name.</param>
    /// <param name="loggers">Where to log.</param>
    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(target);
        KernelModuleChannel channel = new(target, ModuleDevice.Access(_kernel), _kernel);
        channel.TryOpen();
        return channel;
    }

    /// <inheritdoc/>
    public string? Advise(in CpuFault fault) => fault.Kind switch
    {
        CpuFaultKind.InvalidOpcode =>
            "The guest's kernel executed the instruction of the CPU's vendor: on this CPU there is no VMM, or one that does not "
            + "serve this instruction (Xen's paravirtual guests: use /dev/xen/privcmd, provider 'xen-privcmd'). A VMM may have "
            + "taken over only some of the guest's CPUs: OnCpu(n) asks another one.",
        CpuFaultKind.GeneralProtection =>
            "The VMM refused the instruction to the guest's kernel, too: it does not serve this vendor's instruction, or serves "
            + "another guest alone. Ask for it in the VMM's configuration, or take another way down.",
        CpuFaultKind.PageFault =>
            "The VMM raised it for an address that it was given and the kernel could not bring in, or could not write; or it "
            + "tried to patch the instruction. Hand over memory from IGuestMemory, and check address and length.",
        _ => null,
    };
}
