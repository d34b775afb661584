namespace Hypercall.Testing;

/// <summary>
/// Hands out frames of guest physical memory: the same ones in every run, scattered, below and above 4 GiB, and none of them twice.
/// </summary>
/// <remarks>
/// <code>
///   GFN  0x1000 .......... 0x81000   0x100000 ............. 0x8_0010_0000   0x10_0000_0000 ........ 0x100_0000_0000
///        low: every 4th, even only   high: the others, even only            contiguous runs, with gaps (52 bits of GPA)
/// </code>
/// Two scattered frames are never neighbours, because both are even: whoever takes a scattered buffer for a contiguous one runs into a
/// frame that holds nothing.
/// </remarks>
internal sealed class FakeFrames(ulong seed)
{
    private const ulong LowBase = 0x1000;              // 16 MiB
    private const int LowBits = 18;
    private const ulong HighBase = 0x10_0000;          // 4 GiB
    private const int HighBits = 34;
    private const ulong RunBase = 0x10_0000_0000;      // 2^48 bytes
    private const ulong RunAlignment = 512;            // frames of a 2 MiB page
    private const ulong GiantAlignment = 512 * 512;    // frames of a 1 GiB page
    private const ulong RunLimit = 1ul << 40;          // frames of a 52-bit physical address: Intel SDM vol. 3A, section 4.1.4
    private const ulong Scatter = 0x9E37_79B9_7F4A_7C15; // odd, so that multiplying permutes; 2^64 divided by the golden ratio, so that it scatters

    private ulong _scattered;
    private ulong _nextRun = RunBase;

    /// <summary>Whether there is memory at all.</summary>
    public static bool IsMemory(ulong frame) =>
        frame - LowBase < 2ul << LowBits || frame - HighBase < 2ul << HighBits || (frame >= RunBase && frame < RunLimit);

    /// <summary>One frame, away from all others.</summary>
    public ulong Next()
    {
        ulong index = _scattered++;
        return index % 4 == 0 && index / 4 < 1ul << LowBits
            ? LowBase + (2 * Permute(index / 4, LowBits))
            : HighBase + (2 * Permute(index, HighBits));
    }

    /// <summary>The first of some frames in a row, or 0 if there is no room left.</summary>
    public ulong NextRun(long count)
    {
        ulong alignment = count < (long)GiantAlignment ? RunAlignment : GiantAlignment;
        ulong first = (_nextRun + alignment - 1) & ~(alignment - 1);
        ulong next = first + ((((ulong)count / RunAlignment) + 1) * RunAlignment); // at least one frame of somebody else behind it
        if (next > RunLimit)
        {
            return 0;
        }

        _nextRun = next;
        return first;
    }

    private ulong Permute(ulong index, int bits) => ((index + seed) * Scatter) & ((1ul << bits) - 1);
}
