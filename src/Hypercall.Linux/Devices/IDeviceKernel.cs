namespace Hypercall.Linux;

/// <summary>The system calls that a device needs. Errors are numbers: nothing here throws.</summary>
internal unsafe interface IDeviceKernel
{
    /// <summary>The kernel's lockdown, such as <c>integrity</c>; null where it does not say that there is one.</summary>
    string? Lockdown { get; }

    /// <summary>Whether there is a file of that name.</summary>
    /// <param name="path">Its path.</param>
    bool Exists(string path);

    /// <summary>The whole text of a small file; null where there is none, or it may not be read.</summary>
    /// <param name="path">Its path.</param>
    string? TryRead(string path);

    /// <summary>open(2), to read and write, closed on exec.</summary>
    /// <param name="path">The device.</param>
    /// <returns>The descriptor, or the negative errno.</returns>
    int Open(string path);

    /// <summary>close(2).</summary>
    /// <param name="file">The descriptor.</param>
    void Close(int file);

    /// <summary>ioctl(2), by the raw system call.</summary>
    /// <param name="file">The descriptor.</param>
    /// <param name="command">The command.</param>
    /// <param name="argument">Its argument.</param>
    /// <returns>What the kernel gave back: -4095 to -1 is a negative errno.</returns>
    long Control(int file, uint command, void* argument);

    /// <summary>mmap(2), shared, to read and write; kept out of core dumps and forked children as far as the kernel does
    /// that.</summary>
    /// <param name="file">The descriptor.</param>
    /// <param name="length">Whole pages.</param>
    /// <param name="offset">Where in the file, in bytes.</param>
    /// <param name="start">Where it was mapped.</param>
    /// <param name="excluded">What it is kept out of.</param>
    /// <returns>0, or the errno.</returns>
    int Map(int file, long length, long offset, out nuint start, out ExcludedCopies excluded);

    /// <summary>munmap(2).</summary>
    /// <param name="start">Where it is mapped.</param>
    /// <param name="length">Whole pages.</param>
    void Unmap(nuint start, long length);
}
