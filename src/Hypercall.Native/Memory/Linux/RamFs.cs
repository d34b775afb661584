using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Memory whose pages cannot move because nothing knows how to move them: dirty pages of a file in a ramfs.</summary>
/// <remarks>
/// The file system is mounted nowhere: fsopen(2), fsconfig(2) and fsmount(2) (Linux 5.2) give a mount that only a file descriptor knows, and each buffer is a file without
/// a name in it. The kernel migrates a clean page of it, never a dirty one (fallback_migrate_folio, mm/migrate.c), and nothing ever cleans it: so
/// write to it before it is translated. It needs CAP_SYS_ADMIN, and no RLIMIT_MEMLOCK binds it.
/// </remarks>
internal static unsafe class RamFs
{
    private const uint CloseOnExec = 1;         // FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC, linux/mount.h
    private const uint CommandCreate = 6;       // FSCONFIG_CMD_CREATE
    private const uint AttributesNoSuidDevExec = 2 | 4 | 8; // MOUNT_ATTR_NOSUID, NODEV, NOEXEC
    private const uint OwnerReadWrite = 0x180;  // 0600

    private static readonly object Gate = new();
    private static int mount = -1;

    /// <summary>Whether it may be tried: a sandbox may kill a process that asks for what needs CAP_SYS_ADMIN, and without it nothing comes of asking.</summary>
    public static bool MayTry => mount >= 0 || LinuxProcess.MayMount;

    /// <returns>The address of the mapping, or 0 and why.</returns>
    public static nuint TryMap(nuint length, out PinFailure failure)
    {
        if (!TryMount(out int root, out failure))
        {
            return 0;
        }

        int file = Libc.OpenAt(
            root, ".", Libc.OpenTemporaryFile | Libc.OpenReadWrite | Libc.OpenCloseOnExec, OwnerReadWrite);
        if (file < 0)
        {
            failure = new PinFailure(LinuxCall.RamFsFile, Libc.LastError);
            return 0;
        }

        nuint address = 0;
        if (Libc.SetFileLength(file, (long)length) != 0)
        {
            failure = new PinFailure(LinuxCall.RamFsLength, Libc.LastError);
        }
        else if ((address = LinuxMemory.Map(length, Libc.MapShared, file)) == 0)
        {
            failure = new PinFailure(LinuxCall.RamFsMap, Libc.LastError);
        }

        LinuxMemory.Close(file); // the mapping keeps the file
        return address;
    }

    private static bool TryMount(out int root, out PinFailure failure)
    {
        lock (Gate)
        {
            failure = default;
            if (mount < 0)
            {
                int context;
                fixed (byte* type = "ramfs\0"u8)
                {
                    context = LinuxMemory.FsOpen(type, CloseOnExec);
                }

                if (context < 0)
                {
                    failure = new PinFailure(LinuxCall.RamFsOpen, Libc.LastError);
                }
                else
                {
                    if (LinuxMemory.FsConfig(context, CommandCreate) != 0)
                    {
                        failure = new PinFailure(LinuxCall.RamFsCreate, Libc.LastError);
                    }
                    else if ((mount = LinuxMemory.FsMount(context, CloseOnExec, AttributesNoSuidDevExec)) < 0)
                    {
                        failure = new PinFailure(LinuxCall.RamFsMount, Libc.LastError);
                    }

                    LinuxMemory.Close(context);
                }
            }

            root = mount;
            return mount >= 0;
        }
    }
}
