using System.Globalization;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>
/// The permission of one thread for the ports of one access: by ioperm for all ports that the access touches, else by iopl, for
/// all ports there are.
/// </summary>
/// <remarks>
/// A thread that this one starts would inherit it (ioperm(2), iopl(2)). The thread runs nothing but the instruction, and what
/// that needs is started before; a thread that the runtime starts for itself (for its JIT, its GC) may inherit it all the same.
/// </remarks>
/// <param name="port">The first port.</param>
/// <param name="width">How many ports an access touches.</param>
/// <param name="ports">The kernel.</param>
internal sealed class PortPermission(int port, int width, IPortControl ports) : IThreadTerm
{
    private const int AllPorts = 3; // iopl(2)

    private const string Without =
        "ask for no permission, for some VMMs, VMware among them, serve the port to user mode without.";

    private const string NeedsRawIo =
        "Run as root, or give the program the capability (setcap cap_sys_rawio+ep, --cap-add SYS_RAWIO); or " + Without;

    private const string LockedDown =
        "Lockdown comes with Secure Boot, or with lockdown= on the kernel's command line (kernel_lockdown(7)): "
        + "take another way down, or " + Without;

    private const string NotBuilt =
        "The kernel is built without CONFIG_X86_IOPL_IOPERM, or a sandbox hides them: take another way down, or " + Without;

    private Grant _grant;
    private ChannelRefusal? _last;

    private enum Grant
    {
        None,
        Ports,
        Level,
    }

    public ChannelRefusal? Meet()
    {
        if (_grant != Grant.None)
        {
            return null;
        }

        int permission = ports.IoPerm(port, width, allow: true);
        int level = permission == 0 ? 0 : ports.IoPl(AllPorts);
        _grant = permission == 0 ? Grant.Ports : level == 0 ? Grant.Level : Grant.None;
        if (_grant != Grant.None)
        {
            return null;
        }

        // Asked anew at each call, for privileges change; a program that is refused is refused again: what is the same is kept.
        ChannelRefusal refusal = Refusal(permission, level);
        return _last?.Reason == refusal.Reason ? _last : _last = refusal;
    }

    public void End()
    {
        _ = _grant switch
        {
            Grant.Ports => ports.IoPerm(port, width, allow: false),
            Grant.Level => ports.IoPl(0),
            _ => 0,
        };
        _grant = Grant.None;
    }

    /// <summary>Whether the permission can be had. Asks for nothing that would change anything.</summary>
    /// <returns>Why not, and what would help; null when nothing speaks against it.</returns>
    public (string Reason, string Remedy)? Check()
    {
        if (!ports.MayRawIo)
        {
            return ("the permission for the port needs CAP_SYS_RAWIO, and this thread does not have it", NeedsRawIo);
        }

        if (ports.Lockdown is { } lockdown)
        {
            return ($"the kernel is locked down ({lockdown}) and gives nobody a permission for ports", LockedDown);
        }

        // No ports at all are an invalid argument to a kernel that has the call (ksys_ioperm(), arch/x86/kernel/ioport.c).
        return ports.IoPerm(0, 0, allow: false) == Errno.ENOSYS && ports.IoPl(0) == Errno.ENOSYS
            ? ("the kernel has neither ioperm nor iopl (ENOSYS)", NotBuilt)
            : null;
    }

    private ChannelRefusal Refusal(int permission, int level)
    {
        string what = string.Create(
            CultureInfo.InvariantCulture,
            $"ioperm(0x{port:x}, {width}): {Errno.Describe(permission)}, and iopl(3): {Errno.Describe(level)}");
        (string? why, string remedy) = (permission, level) switch
        {
            (Errno.ENOSYS, Errno.ENOSYS) => (null, NotBuilt),
            (Errno.EPERM, _) when ports.Lockdown is { } lockdown => (
                $"the kernel is locked down ({lockdown}), which refuses it to root, too", LockedDown),
            (Errno.EPERM, _) when !ports.MayRawIo => ("the thread has no CAP_SYS_RAWIO", NeedsRawIo),
            (Errno.EPERM, _) => (
                "the thread has CAP_SYS_RAWIO in its own user namespace",
                "The kernel asks for it in the initial one: run outside of a rootless container; or let the sandbox (a seccomp "
                + "filter, a security module) allow ioperm."),
            _ => (null, "That is all that the kernel says. Take another way down, or " + Without),
        };
        string channel = string.Create(CultureInfo.InvariantCulture, $"port 0x{port:x}");
        return new ChannelRefusal(channel, why is null ? what : $"{what}; {why}", remedy, permission);
    }
}
