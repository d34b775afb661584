using Hypercall.Native.Interop;

namespace Hypercall.Native;

/// <summary>Memory whose pages cannot move because nothing knows how to move them: dirty pages of a file in a ramfs.</summary>
/// <remarks>
/// The file system is mounted nowhere: fsopen(2), fsconfig(2) and fsmount(2) (Linux 5.2) give a mount that only a file descriptor
/// knows, and each buffer is a file without a name in it. The kernel migrates a clean page of it, never a dirty one
/// (fallback_migrate_folio, mm/migrate.c), and nothing ever cleans it: so write to it before it is translated. It needs
/// CAP_SYS_ADMIN, and no RLIMIT_MEMLOCK binds it.
/// </remarks>
internal sealed unsafe class RamFs(bool keepsPrivileges)
{
    private const uint CloseOnExec = 1;         // FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC, linux/mount.h
    private const uint SetString = 1;           // FSCONFIG_SET_STRING
    private const uint CommandCreate = 6;       // FSCONFIG_CMD_CREATE
    private const uint AttributesNoSuidDevExec = 2 | 4 | 8; // MOUNT_ATTR_NOSUID, NODEV, NOEXEC
    private const uint OwnerReadWrite = 0x180;  // 0600

    private readonly KeptDescriptor _mount = new((out PinFailure failure) => Mount(keepsPrivileges, out failure), keepsPrivileges);

    /// <summary>
    /// Whether it may be tried: a sandbox may kill a process that asks for what needs CAP_SYS_ADMIN, and without it nothing comes
    /// of asking.
    /// </summary>
    public bool MayTry => (keepsPrivileges && _mount.IsOpen) || LinuxProcess.MayMount;

    /// <returns>The address of the mapping, or 0 and why.</returns>
    public nuint TryMap(nuint length, out PinFailure failure)
    {
        using KeptDescriptor.Use root = _mount.Take(out failure);
        if (root.Descriptor < 0)
        {
            return 0;
        }

        int file = Libc.OpenAt(
            root.Descriptor, ".", Libc.OpenTemporaryFile | Libc.OpenReadWrite | Libc.OpenCloseOnExec, OwnerReadWrite);
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

    /// <summary>Makes the file system now, if that is possible, and not for the first buffer.</summary>
    public void Open() => _mount.Take(out _).Dispose();

    /// <summary>Closes the mount; files that are mapped stay.</summary>
    public void Close() => _mount.Close();

    private static int Mount(bool forEveryUser, out PinFailure failure)
    {
        failure = default;
        int context;
        fixed (byte* type = "ramfs\0"u8)
        {
            context = LinuxMemory.FsOpen(type, CloseOnExec);
        }

        if (context < 0)
        {
            failure = new PinFailure(LinuxCall.RamFsOpen, Libc.LastError);
            return -1;
        }

        // Only who has the descriptor can reach the file system at all; its root directory belongs to who mounts it, and root may
        // be given up.
        if (forEveryUser)
        {
            fixed (byte* key = "mode\0"u8, value = "0777\0"u8)
            {
                _ = LinuxMemory.FsConfig(context, SetString, key, value);
            }
        }

        int mount = -1;
        if (LinuxMemory.FsConfig(context, CommandCreate) != 0)
        {
            failure = new PinFailure(LinuxCall.RamFsCreate, Libc.LastError);
        }
        else if ((mount = LinuxMemory.FsMount(context, CloseOnExec, AttributesNoSuidDevExec)) < 0)
        {
            failure = new PinFailure(LinuxCall.RamFsMount, Libc.LastError);
        }

        LinuxMemory.Close(context);
        return mount;
    }
}
