using System.Runtime.InteropServices;

namespace Hypercall.Linux;

/// <summary>
/// An open device. A call in flight keeps it open, and so does a buffer: a descriptor that is closed becomes somebody else's
/// file.
/// </summary>
internal sealed unsafe class DeviceFile : SafeHandle
{
    private readonly IDeviceKernel _kernel;

    /// <summary>Takes a descriptor over.</summary>
    /// <param name="kernel">The kernel that gave it.</param>
    /// <param name="file">The descriptor.</param>
    public DeviceFile(IDeviceKernel kernel, int file)
        : base(-1, ownsHandle: true)
    {
        _kernel = kernel;
        SetHandle(file);
    }

    public override bool IsInvalid => handle < 0;

    /// <summary>One call of the device's.</summary>
    /// <param name="command">The command.</param>
    /// <param name="argument">Its argument.</param>
    /// <returns>As <see cref="IDeviceKernel.Control"/>.</returns>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public long Control(uint command, void* argument)
    {
        bool entered = false;
        try
        {
            DangerousAddRef(ref entered);
            return _kernel.Control((int)handle, command, argument);
        }
        finally
        {
            if (entered)
            {
                DangerousRelease();
            }
        }
    }

    /// <summary>As <see cref="Control"/>, for a buffer, which keeps the device open past
    /// <see cref="SafeHandle.Dispose()"/>.</summary>
    /// <param name="command">The command.</param>
    /// <param name="argument">Its argument.</param>
    public long ControlHeld(uint command, void* argument) => _kernel.Control((int)handle, command, argument);

    /// <summary>Maps some of the device.</summary>
    /// <returns>0, or the errno.</returns>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public int Map(long length, long offset, out nuint start, out ExcludedCopies excluded)
    {
        bool entered = false;
        try
        {
            DangerousAddRef(ref entered);
            return _kernel.Map((int)handle, length, offset, out start, out excluded);
        }
        finally
        {
            if (entered)
            {
                DangerousRelease();
            }
        }
    }

    public void Unmap(nuint start, long length) => _kernel.Unmap(start, length);

    protected override bool ReleaseHandle()
    {
        _kernel.Close((int)handle);
        return true;
    }
}
