using System.Runtime.InteropServices;
using Hypercall.Native.Interop;

namespace Hypercall.Native.Tests.Memory;

/// <summary>
/// Physical memory full of holes of one page, which is what makes compaction move pages. Bounded: half of its size is in use
/// while it lives.
/// </summary>
/// <remarks>
/// Compaction carries pages from low frames into holes in high ones. The frame that is freed last is taken first, so the lowest
/// hole is made last: what is allocated next lies low, and moves.
/// </remarks>
internal sealed partial class FragmentedMemory : IDisposable
{
    private const int AdviseDontNeed = 4; // MADV_DONTNEED
    private readonly nuint _length;
    private readonly nuint _start;

    public FragmentedMemory(nuint length)
    {
        _length = length;
        _start = LinuxMemory.Map(length, Libc.MapPrivate | Libc.MapAnonymous);
        Assert.NotEqual((nuint)0, _start);
        Assert.Equal(0, LinuxMemory.Advise(_start, length, Libc.AdviseNoHugePage));
        Assert.Equal(0, LinuxMemory.Advise(_start, length, Libc.AdvisePopulateWrite));
        GuestPageMap map = new NativeGuestMemory().QueryPages(new GuestVirtualAddress(_start), (long)length);
        ulong[] frames = [.. map.Pages.ToArray().Select(page => page.State == GuestPageState.Present ? page.Frame.Value : ulong.MaxValue)];
        int[] byFrame = [.. Enumerable.Range(0, frames.Length)];
        Array.Sort(frames, byFrame);
        for (int i = byFrame.Length - 1; i >= 0; i -= 2)
        {
            _ = LinuxMemory.Advise(_start + ((nuint)byFrame[i] << GuestPage.Shift), GuestPage.Size, AdviseDontNeed);
        }
    }

    public static void Compact()
    {
        Assert.SkipUnless(
            File.Exists("/proc/sys/vm/compact_memory"), "the kernel has no compaction (/proc/sys/vm/compact_memory)");
        Sync(); // one large dirty folio of a file ends the compaction of its zone
        File.WriteAllText("/proc/sys/vm/compact_memory", "1");
    }

    [LibraryImport("libc", EntryPoint = "sync")]
    private static partial void Sync();

    public void Dispose() => LinuxMemory.Unmap(_start, _length);
}
