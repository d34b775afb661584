using System.Globalization;

namespace Hypercall.Native.Tests.Memory;

/// <summary>
/// Huge pages that a test added to the pool. It gives back as many as it took, and not a number that it read before: others
/// change the pool meanwhile.
/// </summary>
internal sealed class ReservedHugePages : IDisposable
{
    private const string Pool = "/proc/sys/vm/nr_hugepages";

    private readonly int _taken;

    private ReservedHugePages(int taken) => _taken = taken;

    private static int Count
    {
        get => int.Parse(File.ReadAllText(Pool), CultureInfo.InvariantCulture);
        set => File.WriteAllText(Pool, value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Takes some, as many as the kernel finds, or skips the test.</summary>
    public static ReservedHugePages Take(int count)
    {
        Assert.SkipUnless(File.Exists(Pool), "the kernel has no huge pages");
        int before = Count;
        Count = before + count;
        int taken = Count - before;
        Assert.SkipWhen(taken <= 0, "the kernel could not reserve a huge page");
        return new ReservedHugePages(taken);
    }

    public void Dispose() => Count = Math.Max(0, Count - _taken);
}
