using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>Opens /dev/xen/privcmd and /dev/xen/hypercall, and tells apart why they cannot be used.</summary>
internal static class XenDevices
{
    public const string Privcmd = "/dev/xen/privcmd";
    public const string Memory = "/dev/xen/hypercall"; // drivers/xen/privcmd-buf.c, Linux 4.18 and later

    private const string Kind = "/sys/hypervisor/type";
    private const string Module = "xen-privcmd";

    public static DeviceAccess Access(IDeviceKernel? kernel, string device) =>
        new(device, (out DeviceProblem? problem) => TryOpen(kernel, device, out problem));

    /// <summary>Opens a device. Executes no hypercall.</summary>
    /// <param name="kernel">The kernel; null where this is not Linux.</param>
    /// <param name="device">The device.</param>
    /// <param name="problem">Why it cannot be used; null when it can.</param>
    public static DeviceFile? TryOpen(IDeviceKernel? kernel, string device, out DeviceProblem? problem)
    {
        if (kernel is null)
        {
            problem = DeviceProblem.NotLinux;
            return null;
        }

        int opened = kernel.Open(device);
        problem = opened < 0 ? OfOpen(kernel, device, -opened) : null;
        return problem is null ? new DeviceFile(kernel, opened) : null;
    }

    private static DeviceProblem OfOpen(IDeviceKernel kernel, string device, int error)
    {
        if (error is not (Errno.ENOENT or Errno.ENODEV or Errno.ENXIO))
        {
            return DeviceProblem.OfOpen(device, error);
        }

        string what = $"there is no {device} ({Errno.Name(error)})";
        bool isXen = kernel.TryRead(Kind)?.Trim() == "xen";
        return !isXen
            ? new DeviceProblem(
                $"{what}, and {Kind} does not say that this is a guest of Xen's",
                "In a guest of Xen's, load its module as root: modprobe xen-privcmd. Elsewhere take another way down.",
                error)
            : device == Privcmd
            ? new DeviceProblem(
                $"{what}: the module is not loaded", $"Load it as root: modprobe {Module}.", error, $"the kernel module {Module}")
            : new DeviceProblem(
                $"{what}: the module is not loaded, or the kernel is older than Linux 4.18",
                $"Load it as root: modprobe {Module}. Without, hand over memory of NativeGuestMemory by virtual address; a page "
                + "that is not pinned may move during the call, and then Xen answers EFAULT: touch it, and call again.",
                error,
                $"the kernel module {Module}");
    }
}
