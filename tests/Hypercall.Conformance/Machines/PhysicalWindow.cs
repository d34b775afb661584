using System.Runtime.InteropServices;
using Hypercall.Conformance.Interop;

namespace Hypercall.Conformance;

/// <summary>Physical memory that is not the kernel's, through /dev/mem.</summary>
internal sealed unsafe class PhysicalWindow : IDisposable
{
    private readonly nint _start;
    private readonly int _length;

    private PhysicalWindow(nint start, int length)
    {
        _start = start;
        _length = length;
    }

    public Span<byte> Bytes => new((void*)_start, _length);

    public static PhysicalWindow Open(ulong address, int length)
    {
        int file = Libc.Open("/dev/mem", Libc.OpenReadWrite | Libc.OpenCloseOnExec, 0);
        if (file < 0)
        {
            throw new IOException($"/dev/mem: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        nint start = Libc.Map(0, (nuint)length, Libc.ProtReadWrite, Libc.MapShared, file, (long)address);
        string error = Marshal.GetLastPInvokeErrorMessage();
        _ = Libc.Close(file);
        return start != Libc.MapFailed ? new PhysicalWindow(start, length) : throw new IOException($"/dev/mem at 0x{address:x}: {error}");
    }

    public void Dispose() => _ = Libc.Unmap(_start, (nuint)_length);
}
