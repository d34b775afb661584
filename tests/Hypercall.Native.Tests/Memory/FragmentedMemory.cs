namespace Hypercall.Native.Tests.Memory;

/// <summary>Physical memory full of holes of one page, which is what makes compaction move pages. Bounded: half of its size is in use while it lives.</summary>
internal sealed class FragmentedMemory : IDisposable
{
    private const int AdviseDontNeed = 4; // MADV_DONTNEED
    private readonly nuint _length;
    private readonly nuint _start;

    public FragmentedMemory(nuint length)
    {
        _length = length;
        _start = LinuxMemory.Map(length, LinuxMemory.MapPrivate | LinuxMemory.MapAnonymous);
        Assert.NotEqual((nuint)0, _start);
        Assert.Equal(0, LinuxMemory.Advise(_start, length, LinuxMemory.AdviseNoHugePage));
        Assert.Equal(0, LinuxMemory.Advise(_start, length, LinuxMemory.AdvisePopulateWrite));
        for (nuint page = 0; page < length; page += 2 * GuestPage.Size)
        {
            _ = LinuxMemory.Advise(_start + page, GuestPage.Size, AdviseDontNeed);
        }
    }

    public static void Compact()
    {
        Skip.IfNot(File.Exists("/proc/sys/vm/compact_memory"), "the kernel has no compaction (/proc/sys/vm/compact_memory)");
        File.WriteAllText("/proc/sys/vm/compact_memory", "1");
    }

    public void Dispose() => LinuxMemory.Unmap(_start, _length);
}
