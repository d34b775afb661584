using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Hypercall.Cli.Interop;

namespace Hypercall.Cli.Memory;

/// <summary>Physical memory full of holes of one page, which is what makes compaction move pages. Disposing it gives everything back.</summary>
/// <remarks>
/// <code>
///   populated   [x][x][x][x][x][x][x][x]        each page in a frame of its own
///   punched     [x][ ][x][ ][x][ ][x][ ]        what is allocated next lies in the holes, and compaction moves it out of them
/// </code>
/// </remarks>
internal sealed unsafe class FragmentedMemory : IDisposable
{
    private const long Most = 1 << 30;          // bytes; half of it stays in use
    private const long ShareOfAvailable = 4;    // and no more than a quarter of what is there
    private const long Step = 32 << 20;
    private const nuint Stride = 4 << 20;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    private readonly nint _start;
    private readonly nuint _length;

    private FragmentedMemory(nint start, nuint length)
    {
        _start = start;
        _length = length;
    }

    /// <exception cref="GuestMemoryException">There is no memory to spare.</exception>
    public static FragmentedMemory Create(CancellationToken cancellationToken)
    {
        nuint length = (nuint)(Math.Min(Most, AvailableBytes() / ShareOfAvailable) & ~(GuestPage.Size - 1L));
        nint start = length == 0 ? Libc.MapFailed : Libc.Map(0, length, Libc.ReadWrite, Libc.PrivateAnonymous, -1, 0);
        if (start == Libc.MapFailed)
        {
            throw new GuestMemoryException(new GuestMemoryRefusal(
                GuestMemoryRefusalReason.OutOfMemory, $"There is no memory to fragment: {Marshal.GetLastPInvokeErrorMessage()} Free some, and try again."));
        }

        FragmentedMemory memory = new(start, length);
        try
        {
            _ = Libc.Advise(start, length, Libc.NoHugePage);
            memory.Punch(memory.Populate(cancellationToken));
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

    // The frame that is freed last is taken first. With long strides, what is allocated next lies all over, and not where compaction may never come by.
    private void Punch(nuint populated)
    {
        for (nuint first = GuestPage.Size; first < Stride; first += 2 * GuestPage.Size)
        {
            for (nuint page = first; page < populated; page += Stride)
            {
                _ = Libc.Advise(_start + (nint)page, GuestPage.Size, Libc.DontNeed);
            }
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
