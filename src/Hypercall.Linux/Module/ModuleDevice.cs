using System.Globalization;
using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>Opens /dev/hypercall, and tells apart why it cannot be used.</summary>
internal static unsafe class ModuleDevice
{
    private const string Load = "Load the kernel module as root: modprobe hypercall. It comes as the package hypercall-dkms, "
        + "or is built from kernel/ of the sources (docs/kernel-module.md).";

    /// <summary>The module's device under this process.</summary>
    public static DeviceAccess Access(IDeviceKernel? kernel) =>
        new(ModuleAbi.Device, (out DeviceProblem? problem) => TryOpen(kernel, out _, out problem));

    /// <summary>Opens the device and asks what it is. Executes no hypercall.</summary>
    /// <param name="kernel">The kernel; null where this is not Linux.</param>
    /// <param name="about">What the module says of itself.</param>
    /// <param name="problem">Why it cannot be used; null when it can.</param>
    public static DeviceFile? TryOpen(IDeviceKernel? kernel, out ModuleAbi.About about, out DeviceProblem? problem)
    {
        about = default;
        if (kernel is null)
        {
            problem = DeviceProblem.NotLinux;
            return null;
        }

        int opened = kernel.Open(ModuleAbi.Device);
        if (opened < 0)
        {
            problem = OfOpen(-opened);
            return null;
        }

        DeviceFile file = new(kernel, opened);
        ModuleAbi.About answer = default;
        long error = -file.Control(ModuleAbi.AboutCommand, &answer);
        problem = error != 0 ? OfAbout((int)error) : OfVersion(answer.Abi);
        if (problem is not null)
        {
            file.Dispose();
            return null;
        }

        about = answer;
        return file;
    }

    private static DeviceProblem OfOpen(int error) => error switch
    {
        Errno.ENOENT => new(
            $"there is no {ModuleAbi.Device} ({Errno.Name(error)}): the kernel module is not loaded",
            Load,
            error,
            "the kernel module hypercall"),
        Errno.ENODEV or Errno.ENXIO => new(
            $"open({ModuleAbi.Device}): {Errno.Describe(error)}: the file is there, and no module serves it",
            Load,
            error,
            "the kernel module hypercall"),
        Errno.EPERM => new(
            $"open({ModuleAbi.Device}): {Errno.Describe(error)}: the module asks for CAP_SYS_RAWIO in the initial user namespace",
            "Run as root outside of rootless containers, or give the program the capability (setcap cap_sys_rawio+ep, "
            + $"--cap-add SYS_RAWIO --device {ModuleAbi.Device}).",
            error,
            "CAP_SYS_RAWIO"),
        _ => DeviceProblem.OfOpen(ModuleAbi.Device, error),
    };

    private static DeviceProblem OfAbout(int error) => error switch
    {
        Errno.ENOTTY => new(
            $"{ModuleAbi.Device} does not know HYPERCALL_ABOUT ({Errno.Name(error)}): it is another module's, or one older than "
            + "this library",
            "Load the kernel module that comes with this version (docs/kernel-module.md).",
            error),
        Errno.EPERM or Errno.EACCES => new(
            $"ioctl({ModuleAbi.Device}, HYPERCALL_ABOUT): {Errno.Describe(error)}: a sandbox (a seccomp filter, a security "
            + "module) refuses it",
            "Let the sandbox allow ioctl on the device.",
            error),
        _ => new(
            $"ioctl({ModuleAbi.Device}, HYPERCALL_ABOUT): {Errno.Describe(error)}",
            "That is all that the kernel says. Take another way down.",
            error),
    };

    private static DeviceProblem? OfVersion(uint version) => version == ModuleAbi.Version ? null : new(
        string.Create(
            CultureInfo.InvariantCulture,
            $"the kernel module speaks version {version} of its interface, and this library version {ModuleAbi.Version}"),
        "Load the kernel module that comes with this version of the library, or use the library that comes with the module.",
        Needs: "another version of the kernel module");
}
