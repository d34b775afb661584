using System.Text;

namespace Hypercall.Native.Interop;

/// <summary>
/// Small files of /proc, /sys and cgroups; and whether it is the kernel who speaks in them, or a file that somebody mounted over
/// them.
/// </summary>
internal static unsafe class KernelFile
{
    // statfs(2); include/uapi/linux/magic.h
    public const long OnProc = 0x9fa0;          // PROC_SUPER_MAGIC
    public const long OnSysFs = 0x6265_6572;    // SYSFS_MAGIC
    public const long OnCgroup = 0x27_e0eb;     // CGROUP_SUPER_MAGIC
    public const long OnCgroup2 = 0x6367_7270;  // CGROUP2_SUPER_MAGIC

    /// <summary>The whole text, whoever wrote it; null where there is none, or it may not be read.</summary>
    /// <param name="path">The file.</param>
    public static string? TryRead(string path) => TryRead(path, 0);

    /// <summary>
    /// The whole text, if it is the kernel's own word: a claim that raises a limit, or grants a privilege, needs that.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="fileSystem">The file system on which it lies when nothing is mounted over it: one of the constants
    /// above.</param>
    public static string? TryReadGenuine(string path, long fileSystem) => TryRead(path, fileSystem);

    /// <summary>How many lines a file has that is too long to be kept; null where there is none, or it may not be read.</summary>
    /// <param name="path">The file.</param>
    public static long? CountLines(string path)
    {
        const int PieceLength = 16_384;
        int file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec);
        if (file < 0)
        {
            return null;
        }

        byte* piece = stackalloc byte[PieceLength];
        long lines = 0;
        nint read;
        for (long at = 0; (read = Read(file, piece, PieceLength, at)) > 0; at += read)
        {
            lines += new ReadOnlySpan<byte>(piece, (int)read).Count((byte)'\n');
        }

        _ = Libc.Close(file);
        return read < 0 ? null : lines;
    }

    private static string? TryRead(string path, long fileSystem)
    {
        int file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec);
        if (file < 0)
        {
            return null;
        }

        try
        {
            return fileSystem != 0 && FileSystemOf(file) != fileSystem ? null : ReadAll(file);
        }
        finally
        {
            _ = Libc.Close(file);
        }
    }

    private static string? ReadAll(int file)
    {
        byte[] text = new byte[4096];
        for (int length = 0; ;)
        {
            nint read;
            fixed (byte* at = &text[length])
            {
                read = Read(file, at, text.Length - length, length);
            }

            if (read <= 0)
            {
                return read < 0 ? null : Encoding.UTF8.GetString(text, 0, length);
            }

            length += (int)read;
            if (length == text.Length)
            {
                Array.Resize(ref text, 2 * length);
            }
        }
    }

    private static nint Read(int file, byte* piece, int length, long at)
    {
        nint read;
        while ((read = Libc.PRead(file, piece, (nuint)length, at)) < 0 && Libc.LastError == Errno.EINTR)
        {
        }

        return read;
    }

    private static long FileSystemOf(int file)
    {
        long* status = stackalloc long[15]; // struct statfs: 120 bytes, f_type first
        return Libc.FileSystemStatus(file, status) == 0 ? status[0] : 0;
    }
}
