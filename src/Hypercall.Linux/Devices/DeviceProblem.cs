using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>Why a device cannot be used.</summary>
/// <param name="Reason">What happened, without a full stop.</param>
/// <param name="Remedy">What to do, in a sentence.</param>
/// <param name="Error">The errno; 0 for none.</param>
/// <param name="Needs">What is lacking that a user can give, in a few words; null when it is not known that anything would
/// help.</param>
internal sealed record DeviceProblem(string Reason, string Remedy, int Error = 0, string? Needs = null)
{
    public static DeviceProblem NotLinux { get; } = new("only Linux has the device", "Take another way down.");

    public HypercallProbe ToProbe() =>
        Needs is null ? HypercallProbe.Unusable(Reason, Remedy) : HypercallProbe.Lacks(Needs, Reason, Remedy);

    public ChannelRefusal ToRefusal(string device) => new(device, Reason, Remedy, Error, IsTransient(Error));

    public GuestMemoryRefusal ToMemoryRefusal(string device)
    {
        GuestMemoryRefusalReason reason = Error switch
        {
            Errno.EPERM or Errno.EACCES => GuestMemoryRefusalReason.NoPrivilege,
            Errno.EMFILE or Errno.ENFILE => GuestMemoryRefusalReason.TooManyOpenFiles,
            Errno.ENOMEM => GuestMemoryRefusalReason.OutOfMemory,
            0 when this == NotLinux => GuestMemoryRefusalReason.PlatformNotSupported,
            _ => GuestMemoryRefusalReason.SystemCallRefused,
        };
        return new GuestMemoryRefusal(reason, $"{device} cannot be used: {Reason}. {Remedy}");
    }

    /// <summary>Whether an errno may go away by itself.</summary>
    public static bool IsTransient(int error) =>
        error is Errno.EAGAIN or Errno.EINTR or Errno.ENOMEM or Errno.EMFILE or Errno.ENFILE or Errno.EBUSY;

    /// <summary>What open(2) says that any device may say; the device's own reasons come first.</summary>
    /// <param name="device">The device.</param>
    /// <param name="error">The errno.</param>
    public static DeviceProblem OfOpen(string device, int error) => error switch
    {
        Errno.EACCES => new(
            $"open({device}): {Errno.Describe(error)}: the file belongs to root, or a container may not use the device",
            $"Run as root, or let whoever owns the machine give you the file; in a container, hand the device in (--device "
            + $"{device}).",
            error,
            "root"),
        Errno.EPERM => new(
            $"open({device}): {Errno.Describe(error)}",
            $"Run as root outside of containers; in one, hand the device in (--device {device}).",
            error,
            "root"),
        Errno.EMFILE or Errno.ENFILE => new(
            $"open({device}): {Errno.Describe(error)}", "Close files, or raise the limit (ulimit -n, fs.file-max).", error),
        _ => new(
            $"open({device}): {Errno.Describe(error)}", "That is all that the kernel says. Take another way down.", error),
    };
}
