using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Ports;

/// <summary>A kernel that gives permissions for ports, or does not; and what was asked of it.</summary>
internal sealed class FakePorts : IPortControl
{
    public int IoPermError { get; set; }

    public int IoPlError { get; set; } = Errno.EPERM;

    public string? Lockdown { get; set; }

    public bool MayRawIo { get; set; } = true;

    public List<string> Asked { get; } = [];

    public HashSet<int> Threads { get; } = [];

    public int IoPerm(int first, int count, bool allow)
    {
        Note($"ioperm(0x{first:x}, {count}, {(allow ? 1 : 0)})");
        return count == 0 && IoPermError != Errno.ENOSYS ? Errno.EINVAL : IoPermError;
    }

    public int IoPl(int level)
    {
        Note($"iopl({level})");
        return level == 0 && IoPlError != Errno.ENOSYS ? 0 : IoPlError;
    }

    private void Note(string call)
    {
        lock (Asked)
        {
            Asked.Add(call);
            _ = Threads.Add(Environment.CurrentManagedThreadId);
        }
    }
}
