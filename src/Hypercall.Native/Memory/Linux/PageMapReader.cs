using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Reads /proc/self/pagemap: where the pages of this process are.</summary>
/// <remarks>
/// <code>
///   file offset 8 * (address / 4096):  [ u64 entry ][ u64 entry ] ...    one entry is one GuestPage, bit for bit
/// </code>
/// Documentation/admin-guide/mm/pagemap.rst. One pread carries any number of entries.
/// </remarks>
internal sealed unsafe class PageMapReader(string path)
{
    /// <summary>How many entries one answer has at most: a span has 2 GiB.</summary>
    public const int MostPages = int.MaxValue / sizeof(ulong);

    private readonly object _gate = new();
    private int _file = -1;

    /// <summary>The page map of this process; the file stays open as long as it runs.</summary>
    public static PageMapReader Process { get; } = new("/proc/self/pagemap");

    public GuestMemoryRefusal? TryRead(GuestVirtualAddress start, Span<GuestPage> pages)
    {
        int file = _file;
        if (file < 0 && TryOpen(out file) is { } refusal)
        {
            return refusal;
        }

        long position = (long)(start.Value >> GuestPage.Shift) * sizeof(GuestPage);
        Span<byte> rest = MemoryMarshal.AsBytes(pages);
        fixed (byte* buffer = rest)
        {
            nuint done = 0;
            while (done < (nuint)rest.Length)
            {
                nint read = Libc.PRead(file, buffer + done, (nuint)rest.Length - done, position + (long)done);
                if (read > 0)
                {
                    done += (nuint)read;
                }
                else if (read == 0)
                {
                    rest[(int)done..].Clear(); // the kernel's own half of the address space: nothing of ours is mapped there
                    return null;
                }
                else if (Libc.LastError is int error and not Errno.EINTR)
                {
                    return Unavailable("read", error);
                }
            }
        }

        return null;
    }

    /// <summary>Takes the frames out of entries, if all pages are present in frames that are known.</summary>
    /// <param name="entries">The entries; unchanged when there is a page without a known frame.</param>
    /// <param name="frames">Where to put the frames: the same memory, or other.</param>
    public static bool TryTakeFrames(ReadOnlySpan<GuestPage> entries, Span<GuestFrameNumber> frames)
    {
        foreach (GuestPage entry in entries)
        {
            if (entry.State != GuestPageState.Present)
            {
                return false;
            }
        }

        for (int i = 0; i < frames.Length; i++)
        {
            frames[i] = entries[i].Frame;
        }

        return true;
    }

    private GuestMemoryRefusal? TryOpen(out int file)
    {
        lock (_gate)
        {
            if (_file < 0)
            {
                int opened = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec);
                if (opened < 0)
                {
                    file = -1;
                    return Unavailable("open", Libc.LastError); // asked again next time: privileges and mounts change
                }

                Volatile.Write(ref _file, opened);
            }

            file = _file;
            return null;
        }
    }

    private GuestMemoryRefusal Unavailable(string what, int error) => new(
        GuestMemoryRefusalReason.PageMapUnavailable,
        $"Could not {what} {path}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}). "
        + (error switch
        {
            Errno.ENOENT => "The kernel is built without CONFIG_PROC_PAGE_MONITOR, or /proc is not mounted.",
            Errno.EPERM or Errno.EACCES =>
                "The kernel or a sandbox denies it: CAP_SYS_ADMIN in the initial user namespace and a process that is dumpable are needed.",
            _ => "Without it, no guest physical address is known.",
        })
        + " Handing memory over by guest virtual address needs none of this.");
}
