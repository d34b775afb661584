using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Hypercall.Cli.Interop;

namespace Hypercall.Cli.Memory;

/// <summary>
/// Physical memory full of holes of one page, which is what makes compaction move pages. Disposing it gives everything back.
/// </summary>
/// <remarks>
/// <code>
///   frames      low ............... high
///   populated   [x][x][x][x][x][x][x][x]
///   punched     [x][ ][x][ ][x][ ][x][ ]        what is allocated next lies in the lowest holes,
///   compacted   [ ][ ][ ][ ][x][x][x][x]        and is carried into the highest
/// </code>
/// </remarks>
internal sealed unsafe class FragmentedMemory : IDisposable
{
    private const long Most = 1 << 30;          // bytes; half of it stays in use
    private const long ShareOfAvailable = 4;    // and no more than a quarter of what is there
    private const long Step = 32 << 20;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    private readonly nint _start;
    private readonly nuint _length;

    private FragmentedMemory(nint start, nuint length)
    {
        _start = start;
        _length = length;
    }

    /// <summary>Fragments memory, within bounds of size and time.</summary>
    /// <param name="pageMap">Tells where pages lie.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="GuestMemoryException">There is no memory to spare, or the kernel does not tell where it lies.</exception>
    public static FragmentedMemory Create(IGuestMemory pageMap, CancellationToken cancellationToken)
    {
        nuint length = (nuint)(Math.Min(Most, AvailableBytes() / ShareOfAvailable) & ~(GuestPage.Size - 1L));
        nint start = length == 0 ? Libc.MapFailed : Libc.Map(0, length, Libc.ReadWrite, Libc.PrivateAnonymous, -1, 0);
        if (start == Libc.MapFailed)
        {
            throw new GuestMemoryException(new GuestMemoryRefusal(
                GuestMemoryRefusalReason.OutOfMemory, $"There is no memory to fragment: {(length == 0 ? "a quarter of what is available is less than a page." : Marshal.GetLastPInvokeErrorMessage())} Free some, and try again."));
        }

        FragmentedMemory memory = new(start, length);
        try
        {
            _ = Libc.Advise(start, length, Libc.NoHugePage);
            memory.Punch(memory.Populate(cancellationToken), pageMap);
            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    public void Dispose() => _ = Libc.Unmap(_start, _length);

    // All before the first hole: a hole that is made earlier is filled by the next page.
    private nuint Populate(CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        nuint page = 0;
        while (page < _length && Stopwatch.GetElapsedTime(started) < Longest)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (nuint end = Math.Min(_length, page + (nuint)Step); page < end; page += GuestPage.Size)
            {
                *((byte*)_start + page) = 1;
            }
        }

        return page;
    }

    // Compaction carries pages from low frames to holes in high ones, until the two meet: what lies high may never move. The
    // frame that is freed last is taken first, so the lowest hole is made last.
    private void Punch(nuint populated, IGuestMemory memory)
    {
        GuestPageMap map = memory.QueryPages(new GuestVirtualAddress((ulong)_start), (long)populated);
        ReadOnlySpan<GuestPage> pages = map.Pages.Span;
        ulong[] frames = new ulong[pages.Length];
        int[] byFrame = new int[pages.Length];
        for (int page = 0; page < pages.Length; page++)
        {
            frames[page] = pages[page].State == GuestPageState.Present ? pages[page].Frame.Value : ulong.MaxValue;
            byFrame[page] = page;
        }

        Array.Sort(frames, byFrame);
        for (int i = byFrame.Length - 1; i >= 0; i -= 2)
        {
            _ = Libc.Advise(_start + ((nint)byFrame[i] << GuestPage.Shift), GuestPage.Size, Libc.DontNeed);
        }
    }

    private static long AvailableBytes()
    {
        long allowed = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes; // knows the limit of a container
        string? line = File.ReadLines("/proc/meminfo").FirstOrDefault(candidate => candidate.StartsWith("MemAvailable:", StringComparison.Ordinal));
        string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words.Length > 1 && long.TryParse(words[1], CultureInfo.InvariantCulture, out long kibibytes) ? Math.Min(allowed, kibibytes << 10) : allowed;
    }
}
