using System.Runtime.InteropServices;
using Hypercall.Conformance.Interop;

namespace Hypercall.Conformance;

/// <summary>
/// The kernel module, /dev/hypercall (kernel/hypercall.h): contiguous buffers of the kernel's, and calls at CPL 0.
/// </summary>
internal sealed unsafe class KernelDevice : IDisposable
{
    private const string DevicePath = "/dev/hypercall";
    private const nuint CallCommand = 0xc080_4801;
    private const nuint AllocateCommand = 0xc018_4802;

    private int _file;

    private KernelDevice(int file) => _file = file;

    /// <summary>Why the device is not to be had; null when it is.</summary>
    public static string? WhyNot() => File.Exists(DevicePath) ? Environment.IsPrivilegedProcess ? null : $"{DevicePath} is for root" : $"there is no {DevicePath}: the kernel module is not loaded";

    public static KernelDevice Open()
    {
        int file = Libc.Open(DevicePath, Libc.OpenReadWrite | Libc.OpenCloseOnExec, 0);
        return file >= 0 ? new KernelDevice(file) : throw new IOException($"{DevicePath}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Executes the CPU's hypercall instruction at CPL 0.</summary>
    /// <param name="frame">15 registers, in and out, and the vector of a fault.</param>
    /// <returns>0, or the number of the error, and then nothing was executed.</returns>
    public int Call(ref KernelFrame frame)
    {
        fixed (KernelFrame* at = &frame)
        {
            return Libc.Control(_file, CallCommand, at) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>A buffer of the device's.</summary>
    /// <param name="length">1 byte to 4 MiB.</param>
    public KernelBuffer Allocate(long length)
    {
        BufferRequest request = new() { Size = (ulong)length };
        if (Libc.Control(_file, AllocateCommand, &request) != 0)
        {
            throw new IOException($"{DevicePath}: no buffer of {length} bytes: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        nint start = Libc.Map(0, (nuint)request.Size, Libc.ProtReadWrite, Libc.MapShared, _file, request.Id * (long)GuestPage.Size);
        return start != Libc.MapFailed
            ? new KernelBuffer(start, length, (long)request.Size, new GuestPhysicalAddress(request.Gpa))
            : throw new IOException($"{DevicePath}: mmap: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>What the device answers to a request for a buffer of a size that it refuses.</summary>
    /// <param name="length">The size.</param>
    public int TryAllocate(ulong length)
    {
        BufferRequest request = new() { Size = length };
        return Libc.Control(_file, AllocateCommand, &request) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    public void Dispose()
    {
        if (_file >= 0)
        {
            _ = Libc.Close(_file);
            _file = -1;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct BufferRequest // struct hypercall_buffer
    {
        public ulong Size;
        public ulong Gpa;
        public uint Id;
        public uint Flags;
    }
}
