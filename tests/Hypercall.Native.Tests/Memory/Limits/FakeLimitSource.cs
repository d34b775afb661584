namespace Hypercall.Native.Tests.Memory.Limits;

/// <summary>A host of a test's own: files, which of them the kernel did not write, and two system calls.</summary>
internal sealed class FakeLimitSource : ILimitSource
{
    private readonly Dictionary<string, string> _files = [];
    private readonly HashSet<string> _notTheKernels = [];

    public int ProcessId { get; set; } = 4711;

    public SystemInfo? System { get; set; }

    public Dictionary<int, (ulong Soft, ulong Hard)> Limits { get; } = [];

    /// <summary>Whether the process has as many files open as it may.</summary>
    public bool IsOutOfDescriptors { get; set; }

    public int NotOpened { get; private set; }

    /// <summary>How many files were read.</summary>
    public int Reads { get; private set; }

    public string this[string path]
    {
        set => _files[path] = value;
    }

    public void Remove(string path) => _files.Remove(path);

    /// <summary>A file that somebody mounted over the kernel's.</summary>
    public void MountOver(string path, string text)
    {
        _files[path] = text;
        _ = _notTheKernels.Add(path);
    }

    public string? Read(string path)
    {
        Reads++;
        if (IsOutOfDescriptors)
        {
            NotOpened++;
            return null;
        }

        return _files.GetValueOrDefault(path);
    }

    public string? ReadGenuine(string path, long fileSystem) => _notTheKernels.Contains(path) ? null : Read(path);

    public long? CountLines(string path) => Read(path)?.Count(character => character == '\n');

    public IEnumerable<string> Directories(string path) =>
        _files.Keys.Where(file => file.StartsWith(path + "/", StringComparison.Ordinal) && file.IndexOf('/', path.Length + 1) > 0)
            .Select(file => file[..file.IndexOf('/', path.Length + 1)]).Distinct();

    public (ulong Soft, ulong Hard)? ResourceLimit(int resource) => Limits.TryGetValue(resource, out (ulong Soft, ulong Hard) limit) ? limit : (ulong.MaxValue, ulong.MaxValue);
}
