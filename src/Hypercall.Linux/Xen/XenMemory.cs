using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Hypercall.Native;
using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>
/// Memory to hand to Xen by virtual address, from <c>/dev/xen/hypercall</c> (Linux 4.18 and later): pages of the kernel's that
/// never move, so that Xen finds them at any moment of a call. A page that is only locked may move, and Xen then answers EFAULT.
/// </summary>
/// <remarks>
/// Buffers are pinned, and scattered: more than a page contiguous is refused. Source: Linux, drivers/xen/privcmd-buf.c. The
/// device is opened when it is first needed. All members may be used from any number of threads.
/// </remarks>
public sealed class XenMemory : IGuestMemory, IDisposable
{
    private readonly DeviceAccess _device;

    /// <summary>Describes the memory. Nothing is opened.</summary>
    public XenMemory()
        : this(OperatingSystem.IsLinux() ? LinuxDeviceKernel.Instance : null)
    {
    }

    internal XenMemory(IDeviceKernel? kernel) => _device = XenDevices.Access(kernel, XenDevices.Memory);

    internal static GuestMemoryRefusal NoPageMap { get; } = new(
        GuestMemoryRefusalReason.PageMapUnavailable,
        "Xen takes memory of a program's by virtual address, and XenMemory knows no other. Pass it by virtual address.");

    private static GuestMemoryRefusal NoWindow { get; } = new(
        GuestMemoryRefusalReason.PinningUnavailable,
        $"{XenDevices.Memory} gives memory of its own, and cannot hold memory of the program. Open the window by "
        + "NativeGuestMemory, or allocate here and copy.");

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">The memory was disposed.</exception>
    public bool TryAllocate(
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? buffer,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentNullException.ThrowIfNull(options);
        return FallbackPolicy.TryGet(
            options,
            (Residency _, Contiguity contiguity, out GuestMemoryRefusal? why) => TryAllocate(length, contiguity, out why),
            told: null,
            out buffer,
            out refusal);
    }

    /// <summary>Refuses: the device gives memory of its own only.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <param name="window">Null.</param>
    /// <param name="refusal">Why.</param>
    public bool TryOpenWindow(
        Memory<byte> memory,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        DeviceWindows.Refuse(memory, options, NoWindow, out window, out refusal);

    /// <summary>Refuses: the device gives memory of its own only.</summary>
    /// <param name="start">Where it starts.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="options">Residency and contiguity.</param>
    /// <param name="window">Null.</param>
    /// <param name="refusal">Why.</param>
    public bool TryOpenWindow(
        GuestVirtualAddress start,
        long length,
        GuestBufferOptions options,
        [NotNullWhen(true)] out GuestBuffer? window,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal) =>
        DeviceWindows.Refuse(start, length, options, NoWindow, out window, out refusal);

    /// <summary>Refuses: the device tells no physical addresses.</summary>
    /// <param name="start">Where the range starts.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="pages">Null.</param>
    /// <param name="refusal">Why.</param>
    public bool TryQueryPages(
        GuestVirtualAddress start,
        long length,
        [NotNullWhen(true)] out GuestPageMap? pages,
        [NotNullWhen(false)] out GuestMemoryRefusal? refusal)
    {
        PageSpan.ThrowIfNotInUserSpace(start, length);
        pages = null;
        refusal = NoPageMap;
        return false;
    }

    /// <summary>Closes the device. Buffers stay until each is disposed.</summary>
    public void Dispose() => _device.Dispose();

    private XenBuffer? TryAllocate(long length, Contiguity contiguity, out GuestMemoryRefusal? refusal)
    {
        if (contiguity == Contiguity.Contiguous && length > GuestPage.Size)
        {
            refusal = new GuestMemoryRefusal(
                GuestMemoryRefusalReason.NotContiguous,
                $"{XenDevices.Memory} gives pages that lie anywhere, and {length} bytes are more than one. Ask for "
                + "Contiguity.Any: Xen finds each page by its virtual address.")
            {
                Limit = GuestPage.Size,
                Needed = length,
                IsTransient = false,
            };
            return null;
        }

        if ((ulong)length > PageSpan.UserSpaceEnd)
        {
            refusal = LinuxRefusals.TooLong(length);
            return null;
        }

        if (_device.Get(out DeviceProblem? problem) is not { } file)
        {
            refusal = problem!.ToMemoryRefusal(XenDevices.Memory);
            return null;
        }

        if (DeviceMapping.TryMap(file, length, 0, out int error) is not { } mapping)
        {
            refusal = new GuestMemoryRefusal(
                error == Errno.ENOMEM ? GuestMemoryRefusalReason.OutOfMemory : GuestMemoryRefusalReason.SystemCallRefused,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"mmap({XenDevices.Memory}) of {length} bytes: {Errno.Describe(error)}. {(error == Errno.ENOMEM
                        ? "The kernel has no such memory, or a limit of the process is reached. Ask for less."
                        : "That is all that the kernel says.")}"));
            return null;
        }

        refusal = null;
        return new XenBuffer(mapping, length, contiguity);
    }
}
