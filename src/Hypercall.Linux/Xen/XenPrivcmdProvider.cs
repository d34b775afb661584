using Microsoft.Extensions.Logging;
using static Hypercall.GeneralRegister;

namespace Hypercall.Linux;

/// <summary>
/// Xen's own door in a Linux guest, <c>/dev/xen/privcmd</c>: hypercalls that the guest's kernel makes for a program. The only way
/// in a paravirtual guest, such as a usual dom0, where both vendors' instructions raise #UD.
/// </summary>
/// <remarks>
/// <code>
///   RAX  number, 32 bits       RDI RSI RDX R10 R8  arguments       RAX  result        no other register goes in or comes back
/// </code>
/// <para>
/// Source: Linux, drivers/xen/privcmd.c (privcmd_ioctl_hypercall), arch/x86/include/asm/xen/hypercall.h (privcmd_call). The
/// kernel passes the low 32 bits of the number on, so a longer one is refused here; older ones refuse 128 and more themselves
/// (EINVAL). It keeps the low 32 bits of the answer, with their sign: fs/ioctl.c, vfs_ioctl.
/// </para>
/// <para>
/// Xen's errors come as the ioctl's errno, and are answers: RAX is the negative errno. ENOTTY is never Xen's (public/errno.h):
/// the device refused the call. EPERM, EACCES, EBADF and ENODEV may be either's: then, and for any errno before the device has
/// answered once, the channel asks Xen's version (number 17, command 0), which Xen tells every guest. If that succeeds, the error
/// was Xen's; else it is a refusal. This takes for granted that a sandbox refuses all calls or none: it cannot see the number.
/// </para>
/// <para>Addresses in arguments are virtual ones of the caller: see <see cref="XenMemory"/>.</para>
/// </remarks>
public sealed class XenPrivcmdProvider : IHypercallProvider
{
    private static readonly RegisterSet Arguments = RegisterSet.Of(Rax, Rdi, Rsi, Rdx, R10, R8);
    private static readonly RegisterSet Result = RegisterSet.Of(Rax);

    private readonly IDeviceKernel? _kernel;

    /// <summary>Describes the way. Nothing is opened.</summary>
    public XenPrivcmdProvider()
        : this(OperatingSystem.IsLinux() ? LinuxDeviceKernel.Instance : null)
    {
    }

    internal XenPrivcmdProvider(IDeviceKernel? kernel) => _kernel = kernel;

    /// <summary><c>xen-privcmd</c>.</summary>
    public string Name => "xen-privcmd";

    /// <summary>RAX, and the registers of Xen's five arguments.</summary>
    public RegisterSet Carries => Arguments;

    /// <summary>RAX alone.</summary>
    public RegisterSet Returns => Result;

    /// <summary>
    /// Usable where the device can be opened, which is in guests of Xen's alone; never the CPU's own choice. Opens and closes the
    /// device.
    /// </summary>
    /// <param name="cpuid">The CPU.</param>
    public HypercallProbe Probe(ICpuid cpuid)
    {
        using DeviceFile? file = XenDevices.TryOpen(_kernel, XenDevices.Privcmd, out DeviceProblem? problem);
        return problem?.ToProbe() ?? HypercallProbe.Usable;
    }

    /// <summary>
    /// Opens a channel. Where the device cannot be opened, each call tries again, and is refused as long as it cannot
    /// (<see cref="HypercallStatus.Refusal"/>).
    /// </summary>
    /// <param name="target">What the channel names.</param>
    /// <param name="loggers">Where to log.</param>
    public IHypercallChannel Open(HypercallTarget target, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(target);
        XenPrivcmdChannel channel = new(XenDevices.Access(_kernel, XenDevices.Privcmd), Arguments, Result);
        channel.TryOpen();
        return channel;
    }
}
