using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Execution;

/// <summary>
/// Executable pages on Linux. The first way is to fill anonymous memory and mprotect it. Where that is refused (PR_SET_MDWE and
/// SELinux's execmem say EACCES, others EPERM), the second is to fill a sealed memory file and map it, executable from the start.
/// </summary>
internal sealed unsafe class LinuxCodePages(bool useFile = false) : CodePages
{
    private const string Remedy =
        "A policy of this system forbids a process to make code (PR_SET_MDWE, systemd's MemoryDenyWriteExecute=, SELinux execmem, a seccomp "
        + "filter, or sysctl vm.memfd_noexec=2). Allow one of mprotect(PROT_EXEC) or memfd_create(MFD_EXEC) for this program.";

    private volatile bool _useFile = useFile;

    public override nint Reserve(nuint length)
    {
        nint start = Libc.MemoryMap(0, length, Libc.ProtNone, Libc.MapPrivate | Libc.MapAnonymous | Libc.MapNoReserve, -1, 0);
        return start != Libc.MapFailed ? start : throw Refused($"mmap of {length} bytes", Marshal.GetLastPInvokeError(), Remedy);
    }

    public override void Publish(nint page, ReadOnlySpan<byte> code)
    {
        if (!_useFile && !TryPublishAnonymous(page, code))
        {
            _useFile = true; // the policy will not change its mind
        }

        if (_useFile)
        {
            PublishFile(page, code);
        }
    }

    private static bool TryPublishAnonymous(nint page, ReadOnlySpan<byte> code)
    {
        if (Libc.Protect(page, StubLayout.SlotSize, Libc.ProtRead | Libc.ProtWrite) != 0)
        {
            throw Refused("mprotect to read-write", Marshal.GetLastPInvokeError(), Remedy);
        }

        code.CopyTo(new Span<byte>((void*)page, StubLayout.SlotSize));
        return Libc.Protect(page, StubLayout.SlotSize, Libc.ProtRead | Libc.ProtExec) == 0;
    }

    private static void PublishFile(nint page, ReadOnlySpan<byte> code)
    {
        const uint Flags = Libc.MfdCloseOnExec | Libc.MfdAllowSealing;
        int fd;
        fixed (byte* name = "hypercall\0"u8)
        {
            fd = Libc.MemoryFileCreate(name, Flags | Libc.MfdExec);
            if (fd < 0 && Marshal.GetLastPInvokeError() == Errno.EINVAL)
            {
                fd = Libc.MemoryFileCreate(name, Flags); // before Linux 6.3 every memory file is executable
            }
        }

        if (fd < 0)
        {
            throw Refused("mprotect to read-execute was refused, and memfd_create", Marshal.GetLastPInvokeError(), Remedy);
        }

        try
        {
            fixed (byte* bytes = code)
            {
                if (Libc.WriteAt(fd, bytes, (nuint)code.Length, 0) != code.Length)
                {
                    throw Refused("pwrite to a memory file", Marshal.GetLastPInvokeError(), Remedy);
                }
            }

            // Sealed before it is mapped: nobody, not even through /proc/self/fd, can open a writable alias of code that runs.
            if (Libc.FileControl(fd, Libc.FAddSeals, Libc.SealSeal | Libc.SealShrink | Libc.SealGrow | Libc.SealWrite) != 0)
            {
                throw Refused("fcntl(F_ADD_SEALS)", Marshal.GetLastPInvokeError(), Remedy);
            }

            nint mapped = Libc.MemoryMap(
                page, StubLayout.SlotSize, Libc.ProtRead | Libc.ProtExec, Libc.MapPrivate | Libc.MapFixed, fd, 0);
            if (mapped != page)
            {
                throw Refused("mmap of a memory file to read-execute", Marshal.GetLastPInvokeError(), Remedy);
            }
        }
        finally
        {
            _ = Libc.Close(fd);
        }
    }
}
