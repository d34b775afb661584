using Hypercall.Conformance.Interop;

namespace Hypercall.Conformance;

/// <summary>
/// Physical memory full of holes of one page, which is what makes compaction move pages. Disposing it gives everything back.
/// </summary>
/// <remarks>
/// <code>
///   frames      low ............... high
///   punched     [x][ ][x][ ][x][ ][x][ ]        what is allocated next lies in the lowest holes,
///   compacted   [ ][ ][ ][ ][x][x][x][x]        and is carried into the highest
/// </code>
/// </remarks>
internal sealed unsafe class FragmentedMemory : IDisposable
{
    private readonly nint _start;
    private readonly nuint _length;

    public FragmentedMemory(IGuestMemory memory, long bytes)
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        string? line = File.ReadLines("/proc/meminfo").FirstOrDefault(candidate => candidate.StartsWith("MemAvailable:", StringComparison.Ordinal));
        string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        available = words.Length > 1 && long.TryParse(words[1], null, out long kibibytes) ? kibibytes << 10 : available;
        _length = (nuint)(Math.Min(bytes, available / 2) & ~(GuestPage.Size - 1L));
        _start = Libc.Map(0, _length, Libc.ProtReadWrite, Libc.MapPrivate | Libc.MapAnonymous, -1, 0);
        if (_start == Libc.MapFailed)
        {
            throw new IOException("there is no memory to fragment");
        }

        _ = Libc.Advise(_start, _length, Libc.NoHugePage);
        for (nuint page = 0; page < _length; page += GuestPage.Size)
        {
            *((byte*)_start + page) = 1;
        }

        GuestPageMap map = memory.QueryPages(new GuestVirtualAddress((ulong)_start), (long)_length);
        ulong[] frames = new ulong[map.Pages.Length];
        int[] byFrame = new int[frames.Length];
        for (int page = 0; page < frames.Length; page++)
        {
            frames[page] = map.Pages.Span[page].State == GuestPageState.Present ? map.Pages.Span[page].Frame.Value : ulong.MaxValue;
            byFrame[page] = page;
        }

        // The frame that is freed last is taken first, so the lowest hole is made last.
        Array.Sort(frames, byFrame);
        for (int i = byFrame.Length - 1; i >= 0; i -= 2)
        {
            _ = Libc.Advise(_start + ((nint)byFrame[i] << GuestPage.Shift), GuestPage.Size, Libc.DontNeed);
        }
    }

    public void Dispose() => _ = Libc.Unmap(_start, _length);
}
