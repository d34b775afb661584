namespace Hypercall.Native;

/// <summary>Where limits are read: the files and the system calls of this host, or of one that a test invents.</summary>
internal interface ILimitSource
{
    /// <summary>The text of a file, whoever wrote it; null where there is none.</summary>
    /// <param name="path">Its absolute path.</param>
    string? Read(string path);

    /// <summary>The text of a file, if it is the kernel's own word; else null.</summary>
    /// <param name="path">Its absolute path.</param>
    /// <param name="fileSystem">Where the kernel keeps it: a constant of <see cref="Interop.KernelFile"/>.</param>
    string? ReadGenuine(string path, long fileSystem);

    /// <summary>How many lines a file has; null where there is none.</summary>
    /// <param name="path">Its absolute path.</param>
    long? CountLines(string path);

    /// <summary>The directories in a directory, by their full paths; none where it cannot be read.</summary>
    /// <param name="path">Its absolute path.</param>
    IEnumerable<string> Directories(string path);

    /// <summary>
    /// How often a file, there or not, told nothing because the process or the system has as many open as it may.
    /// </summary>
    int NotOpened { get; }

    /// <summary>What sysinfo(2) says of the machine; null where it is not allowed to.</summary>
    SystemInfo? System { get; }

    /// <summary>The number of this process, as its cgroups list it.</summary>
    int ProcessId { get; }

    /// <summary>A limit of getrlimit(2), soft and hard; null where there is none.</summary>
    /// <param name="resource">Its number, asm-generic/resource.h.</param>
    (ulong Soft, ulong Hard)? ResourceLimit(int resource);
}
