using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>The limits of this process on this machine.</summary>
internal sealed unsafe class KernelLimitSource : ILimitSource
{
    public int ProcessId => Environment.ProcessId;

    public int NotOpened { get; private set; }

    public SystemInfo? System
    {
        get
        {
            // struct sysinfo, include/uapi/linux/sysinfo.h: uptime, loads[3], totalram 4, freeram 5, sharedram 6, bufferram 7,
            // totalswap 8, freeswap 9, procs 10, totalhigh 11, freehigh 12, mem_unit 13 (32 bits)
            ulong* info = stackalloc ulong[16];
            if (Libc.SystemInformation(info) != 0)
            {
                return null;
            }

            ulong unit = (uint)info[13];
            return new SystemInfo(Bytes(info[4]), Bytes(info[5] + info[7]), Bytes(info[9]));

            long Bytes(ulong units) => (long)UInt128.Min((UInt128)units * unit, long.MaxValue);
        }
    }

    public string? Read(string path) => Noted(KernelFile.TryRead(path));

    public string? ReadGenuine(string path, long fileSystem) => Noted(KernelFile.TryReadGenuine(path, fileSystem));

    public long? CountLines(string path) => KernelFile.CountLines(path);

    public IEnumerable<string> Directories(string path)
    {
        try
        {
            return Directory.GetDirectories(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private string? Noted(string? text)
    {
        NotOpened += text is null && Libc.LastError is Errno.EMFILE or Errno.ENFILE ? 1 : 0;
        return text;
    }

    public (ulong Soft, ulong Hard)? ResourceLimit(int resource)
    {
        ulong* limit = stackalloc ulong[2]; // struct rlimit: soft, hard
        return Libc.GetResourceLimit(resource, limit) == 0 ? (limit[0], limit[1]) : null;
    }
}
