using System.Globalization;

namespace Hypercall.Native.Tests.Memory.Limits;

/// <summary>A memory cgroup of a test's own, v1 or v2 as the machine has it; gone when it is disposed.</summary>
internal sealed class MemoryCgroup : IDisposable
{
    private const string First = "/sys/fs/cgroup/memory";
    private const string Unified = "/sys/fs/cgroup";
    private static int count;
    private readonly bool _unified;

    private MemoryCgroup(string path, bool unified)
    {
        _unified = unified;
        Path = path;
        Directory.CreateDirectory(path);
    }

    public string Path { get; }

    /// <summary>Makes one.</summary>
    /// <param name="limit">Its limit in bytes.</param>
    public static MemoryCgroup Create(long limit)
    {
        Host.NeedsRoot();
        bool unified = !File.Exists(First + "/memory.limit_in_bytes");
        string control = Unified + "/cgroup.subtree_control";
        Assert.SkipWhen(
            unified && !(File.Exists(control) && File.ReadAllText(control).Contains("memory", StringComparison.Ordinal)),
            "needs memory cgroups");
        string name = string.Create(CultureInfo.InvariantCulture, $"/hypercall-{Environment.ProcessId}-{Interlocked.Increment(ref count)}");
        MemoryCgroup group = new((unified ? Unified : First) + name, unified);
        group.Limit(limit);
        return group;
    }

    /// <summary>One below, without a limit of its own.</summary>
    public MemoryCgroup CreateBelow()
    {
        if (_unified)
        {
            File.WriteAllText(Path + "/cgroup.subtree_control", "+memory");
        }

        return new MemoryCgroup(Path + "/below", _unified);
    }

    /// <summary>A launcher that goes into the group and then becomes what follows it.</summary>
    /// <param name="before">What runs in between.</param>
    public string[] Launcher(params string[] before) => ["/bin/sh", "-c", $"echo $$ > {Path}/cgroup.procs && exec \"$@\"", "sh", .. before];

    public void Dispose() => Host.Until(
        () =>
        {
            try
            {
                Directory.Delete(Path); // its files go with it
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        },
        $"{Path} was empty");

    private void Limit(long bytes)
    {
        string text = bytes.ToString(CultureInfo.InvariantCulture);
        File.WriteAllText(Path + (_unified ? "/memory.max" : "/memory.limit_in_bytes"), text);
        string swap = Path + (_unified ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes");
        if (File.Exists(swap))
        {
            File.WriteAllText(swap, _unified ? "0" : text);
        }
    }
}
