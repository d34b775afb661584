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
internal sealed unsafe class PageMapReader
{
    /// <summary>How many entries one answer has at most: a span has 2 GiB.</summary>
    public const int MostPages = int.MaxValue / sizeof(ulong);

    private readonly string _path;
    private readonly KeptDescriptor _file;

    /// <param name="path">The file.</param>
    /// <param name="keepsPrivileges">Whether it is read on with the rights it was opened with. Frames are shown by CAP_SYS_ADMIN
    /// at open: file_ns_capable() in pagemap_read(), fs/proc/task_mmu.c.</param>
    public PageMapReader(string path, bool keepsPrivileges = false)
    {
        _path = path;
        _file = new KeptDescriptor(Open, keepsPrivileges);
    }

    public GuestMemoryRefusal? TryRead(GuestVirtualAddress start, Span<GuestPage> pages)
    {
        using KeptDescriptor.Use file = _file.Take(out PinFailure failure);
        if (file.Descriptor < 0)
        {
            return Unavailable(failure.Call, failure.Error);
        }

        long position = (long)(start.Value >> GuestPage.Shift) * sizeof(GuestPage);
        Span<byte> rest = MemoryMarshal.AsBytes(pages);
        fixed (byte* buffer = rest)
        {
            nuint done = 0;
            Attempts attempts = default;
            while (done < (nuint)rest.Length)
            {
                nint read = Libc.PRead(file.Descriptor, buffer + done, (nuint)rest.Length - done, position + (long)done);
                if (read > 0)
                {
                    done += (nuint)read;
                }
                else if (read == 0)
                {
                    rest[(int)done..].Clear(); // the kernel's own half of the address space: nothing of ours is mapped there
                    return null;
                }
                else if (Libc.LastError is int error && !attempts.Another(error))
                {
                    return Unavailable(LinuxCall.PageMapRead, error);
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

    /// <summary>Opens the file now, if that is possible, and not at the first question.</summary>
    public void Open() => _file.Take(out _).Dispose();

    /// <summary>Closes the file; the next question opens it again.</summary>
    public void Close() => _file.Close();

    private int Open(out PinFailure failure)
    {
        int file = Libc.Open(_path, Libc.OpenReadOnly | Libc.OpenCloseOnExec);
        failure = file < 0 ? new PinFailure(LinuxCall.PageMapOpen, Libc.LastError) : default;
        return file;
    }

    private GuestMemoryRefusal Unavailable(string call, int error)
    {
        PinFailure failure = new(call, error);
        return new GuestMemoryRefusal(
            GuestMemoryRefusalReason.PageMapUnavailable,
            $"{failure}, for {_path}. {ErrnoTable.Of(failure).Text} Handing memory over by guest virtual address needs none of this.");
    }
}
