namespace Hypercall.Linux;

/// <summary>A mapping of a device: always present, never moved.</summary>
internal sealed unsafe class DeviceMapping
{
    private readonly nuint _start;
    private readonly long _mapped;

    private DeviceMapping(DeviceFile file, nuint start, long mapped, ExcludedCopies excluded)
    {
        File = file;
        _start = start;
        _mapped = mapped;
        Excluded = excluded;
    }

    public GuestVirtualAddress Start => new(_start);

    public DeviceFile File { get; }

    public ExcludedCopies Excluded { get; }

    /// <summary>Maps some of a device, which stays open until <see cref="LetGo"/>.</summary>
    /// <param name="file">The device.</param>
    /// <param name="length">The length in bytes; whole pages are mapped.</param>
    /// <param name="offset">Where in the device, in bytes.</param>
    /// <param name="error">The errno; 0 when it was mapped.</param>
    /// <exception cref="ObjectDisposedException">The device is closed.</exception>
    public static DeviceMapping? TryMap(DeviceFile file, long length, long offset, out int error)
    {
        bool held = false;
        file.DangerousAddRef(ref held);
        long pages = RoundUp(length);
        error = file.Map(pages, offset, out nuint start, out ExcludedCopies excluded);
        if (error == 0)
        {
            return new DeviceMapping(file, start, pages, excluded);
        }

        file.DangerousRelease();
        return null;
    }

    /// <summary>A length in whole pages, in bytes.</summary>
    public static long RoundUp(long length) => (length + GuestPage.Size - 1) & ~(GuestPage.Size - 1L);

    public void Clear() => System.Runtime.InteropServices.NativeMemory.Clear((void*)_start, (nuint)_mapped);

    public void Unmap() => File.Unmap(_start, _mapped);

    /// <summary>Lets the device be closed.</summary>
    public void LetGo() => File.DangerousRelease();
}
