namespace Hypercall.Testing;

/// <summary>
/// Hands out frames of guest physical memory: the same ones in every run, scattered, below and above 4 GiB, and none of them
/// twice.
/// </summary>
/// <remarks>
/// <code>
///   GFN  0x1000 .......... 0x81000   0x100000 ............. 0x8_0010_0000   0x10_0000_0000 ........ 0x100_0000_0000
///        low: every 4th, even only   high: the others, even only            contiguous runs, with gaps (52 bits of GPA)
/// </code>
/// Two scattered frames are never neighbours, because both are even: whoever takes a scattered buffer for a contiguous one runs
/// into a frame that holds nothing.
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
    private const int LowEvery = 4;
    private const ulong Scatter = 0x9E37_79B9_7F4A_7C15; // odd, so that multiplying permutes; 2^64 divided by the golden ratio, so that it scatters

    private static readonly ulong Gather = Inverse(Scatter);

    private ulong _scattered;
    private ulong _nextRun = RunBase;

    /// <summary>Whether there is memory at all.</summary>
    public static bool IsMemory(ulong frame) =>
        frame - LowBase < 2ul << LowBits || frame - HighBase < 2ul << HighBits || (frame >= RunBase && frame < RunLimit);

    /// <summary>One frame, away from all others.</summary>
    public ulong Next()
    {
        ulong index = _scattered++;
        return IsLow(index)
            ? LowBase + (2 * Permute(index / LowEvery, LowBits))
            : HighBase + (2 * Permute(index, HighBits));
    }

    /// <summary>The how-manieth scattered frame it was that was handed out, from 0; -1 for one that was not.</summary>
    public long IndexOf(ulong frame)
    {
        ulong low = frame - LowBase;
        ulong high = frame - HighBase;
        ulong index = ulong.MaxValue;
        if (frame % 2 != 0)
        {
            return -1;
        }

        if (low < 2ul << LowBits)
        {
            index = LowEvery * Unpermute(low / 2, LowBits);
        }
        else if (high < 2ul << HighBits)
        {
            index = Unpermute(high / 2, HighBits);
            index = IsLow(index) ? ulong.MaxValue : index;
        }

        return index < _scattered ? (long)index : -1;
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

    private static bool IsLow(ulong index) => index % LowEvery == 0 && index / LowEvery < 1ul << LowBits;

    // Newton's method for the inverse modulo 2^64: each round doubles the bits that are right, from 3 to 96. Warren, "Hacker's
    // Delight", section 10-16.
    private static ulong Inverse(ulong odd)
    {
        ulong inverse = odd;
        for (int bits = 3; bits < 64; bits *= 2)
        {
            inverse *= 2 - (odd * inverse);
        }

        return inverse;
    }

    private ulong Unpermute(ulong place, int bits) => ((place * Gather) - seed) & ((1ul << bits) - 1);

    private ulong Permute(ulong index, int bits) => ((index + seed) * Scatter) & ((1ul << bits) - 1);
}
