using Microsoft.Win32.SafeHandles;

namespace Hypercall.Native;

/// <summary>A descriptor that stays open for the next use, by threads with the capabilities that it was opened with.</summary>
/// <remarks>
/// <code>
///   root opens it --> used, used --> setuid(nobody) --> asked for: closed, and opened with what is left (or refused)
/// </code>
/// The kernel asks for rights when a file is opened, and grants by them as long as it is open (struct file's f_cred): what root
/// opened would tell nobody's process all that root may know. The handle closes itself when its copy of the library is unloaded.
/// </remarks>
/// <param name="open">Opens it: the descriptor, or -1 and why.</param>
/// <param name="keepsPrivileges">Whether it goes on serving a process that gave up what it had when it was opened.</param>
#pragma warning disable CA1001 // It has no end but that of its copy of the library, and then the handle closes itself.
internal sealed class KeptDescriptor(KeptDescriptor.Opener open, bool keepsPrivileges)
#pragma warning restore CA1001
{
    private readonly object _gate = new();
    private SafeFileHandle? _handle;
    private ulong _openedWith;

    public delegate int Opener(out PinFailure failure);

    /// <summary>Whether it is open at this moment.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
            {
                return _handle is not null;
            }
        }
    }

    /// <summary>Takes it for one use: nobody closes it before the use is disposed.</summary>
    /// <param name="failure">Why there is none.</param>
    public Use Take(out PinFailure failure)
    {
        ulong capabilities = keepsPrivileges ? 0 : LinuxCapabilities.Effective;
        lock (_gate)
        {
            failure = default;
            if (_openedWith != capabilities)
            {
                Close();
            }

            if (_handle is null)
            {
                int descriptor = open(out failure);
                if (descriptor < 0)
                {
                    return default; // asked again next time: privileges and mounts change
                }

                _handle = new SafeFileHandle(descriptor, ownsHandle: descriptor > 0); // 0: LinuxMemory.Close
                _openedWith = capabilities;
            }

            return new Use(_handle);
        }
    }

    /// <summary>Closes it, when the uses of this moment have ended.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _handle?.Dispose();
            _handle = null;
        }
    }

    public readonly ref struct Use
    {
        private readonly SafeFileHandle? _handle;

        public Use(SafeFileHandle handle)
        {
            bool taken = false;
            handle.DangerousAddRef(ref taken);
            _handle = handle;
        }

        /// <summary>The descriptor, or -1.</summary>
        public int Descriptor => _handle is null ? -1 : (int)_handle.DangerousGetHandle();

        public void Dispose() => _handle?.DangerousRelease();
    }
}
