using Hypercall.Native;
using Hypercall.Native.Interop;

namespace Hypercall.Linux;

/// <summary>The kernel under this process.</summary>
internal sealed unsafe class LinuxDeviceKernel : IDeviceKernel
{
    private const long NumberOfIoControl = 16; // arch/x86/entry/syscalls/syscall_64.tbl

    public static LinuxDeviceKernel Instance { get; } = new();

    public string? Lockdown => LinuxPorts.Instance.Lockdown;

    public bool Exists(string path) => File.Exists(path);

    public string? TryRead(string path) => KernelFile.TryRead(path);

    public int Open(string path)
    {
        int file = Libc.Open(path, Libc.OpenReadWrite | Libc.OpenCloseOnExec);
        return file >= 0 ? file : -Libc.LastError;
    }

    public void Close(int file) => _ = Libc.Close(file);

    // libc's ioctl gives an int; its syscall gives all of what the kernel gave, but for -4095 to -1, which it puts into errno.
    public long Control(int file, uint command, void* argument)
    {
        long answer = Libc.SystemCall(NumberOfIoControl, file, (nint)command, (nint)argument, 0, 0);
        return answer == -1 ? -Libc.LastError : answer;
    }

    public int Map(int file, long length, long offset, out nuint start, out ExcludedCopies excluded)
    {
        nint address = Libc.MemoryMap(0, (nuint)length, Libc.ProtRead | Libc.ProtWrite, Libc.MapShared, file, offset);
        if (address == Libc.MapFailed)
        {
            int error = Libc.LastError;
            start = 0;
            excluded = ExcludedCopies.None;
            return error;
        }

        start = (nuint)address;
        excluded = LinuxAdvice.Exclude(new PageSpan(start, start + (nuint)length), out _);
        return 0;
    }

    public void Unmap(nuint start, long length) => LinuxMemory.Unmap(start, (nuint)length);
}
