using System.Buffers;
using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Memory from VirtualAlloc, or a window onto memory of somebody else.</summary>
internal sealed unsafe class WindowsHold(GuestVirtualAddress start, long length, bool isOurs, MemoryHandle handle) : NativeMemoryHold
{
    private readonly PageSpan _pages = PageSpan.Of(start, length);
    private MemoryHandle _handle = handle;
    private bool _locked;

    public override GuestMemoryRefusal? Touch() => Touch(start, length);

    public override GuestMemoryRefusal? Touch(GuestVirtualAddress first, long length)
    {
        if (!isOurs && FindObstacle() is { } refusal)
        {
            return refusal;
        }

        PageSpan pages = PageSpan.Of(first, length);
        for (nuint page = pages.Start; page < pages.End; page += GuestPage.Size)
        {
            _ = Interlocked.Or(ref *(int*)(Math.Max(page, (nuint)first.Value) & ~(nuint)3), 0); // changes nothing, whoever writes there too
        }

        return null;
    }

    public GuestMemoryRefusal? Lock()
    {
        int error = WindowsPageLocker.Process.TryLock(_pages);
        _locked = error == 0;
        if (_locked)
        {
            return null;
        }

        nuint minimum = 0;
        nuint maximum;
        _ = WindowsMemory.GetWorkingSet(Kernel32.GetCurrentProcess(), &minimum, &maximum);
        return error == WindowsMemory.WorkingSetQuota
            ? new GuestMemoryRefusal(
                GuestMemoryRefusalReason.LockLimit,
                $"Locking {_pages.Length} bytes would pass the minimum working set of the process, which is {minimum} bytes, and it could not be raised. Raise it with "
                + "SetProcessWorkingSetSize, which needs the right to increase a process working set, or ask for less.")
            {
                Limit = (long)minimum,
                Needed = (long)_pages.Length,
            }
            : WindowsMemory.Refuse("VirtualLock", (long)_pages.Length, error);
    }

    public override void Release()
    {
        if (isOurs)
        {
            NativeMemory.Clear((void*)_pages.Start, _pages.Length);
        }

        LetGo();
        if (isOurs)
        {
            _ = WindowsMemory.Free(_pages.Start, 0, WindowsMemory.FreeAll);
        }

        _handle.Dispose();
    }

    /// <summary>Unlocks, and keeps the memory: for another try.</summary>
    public void LetGo()
    {
        if (_locked)
        {
            WindowsPageLocker.Process.Unlock(_pages);
            _locked = false;
        }
    }

    private GuestMemoryRefusal? FindObstacle()
    {
        for (nuint at = _pages.Start; at < _pages.End;)
        {
            WindowsMemory.MemoryInformation information;
            if (WindowsMemory.Query(at, &information, (nuint)sizeof(WindowsMemory.MemoryInformation)) == 0 || information.State != Kernel32.MemCommit)
            {
                return new GuestMemoryRefusal(
                    GuestMemoryRefusalReason.NotMapped, "Part of the range is not committed: it was never allocated, or was freed.");
            }

            if ((information.Protect & WindowsMemory.WritableMask) == 0 || (information.Protect & WindowsMemory.GuardedMask) != 0)
            {
                return new GuestMemoryRefusal(
                    GuestMemoryRefusalReason.NotWritable, "Part of the range may not be written to, so its pages cannot be made this process's own. Copy it into a buffer.");
            }

            at = information.BaseAddress + information.RegionSize;
        }

        return null;
    }
}
