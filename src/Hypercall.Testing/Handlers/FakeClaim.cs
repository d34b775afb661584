namespace Hypercall.Testing;

/// <summary>Whether some of a sequence of calls, in their order, make up some data.</summary>
/// <remarks>
/// <code>
///   data      aaaabbbbcccc
///   calls     aaaabb  aaaabbbb  cccc        the first attempt failed; the second one is the data
///   calls     aaaabb  bbcccc                the program handed the rest over
///   calls     aaaabb                        6 bytes of 12: lost
/// </code>
/// </remarks>
internal static class FakeClaim
{
    /// <returns>What is missing, in words; null when nothing is.</returns>
    public static string? Check(ReadOnlySpan<byte> data, IReadOnlyList<ReadOnlyMemory<byte>> calls, string vmm, string program)
    {
        if (IsTail(data, calls))
        {
            return null;
        }

        // Where a sequence of calls taken so far may end. Nearly always this is one place, or two.
        List<int> ends = [0];
        HashSet<int> known = [0];
        int farthest = 0;
        foreach (ReadOnlyMemory<byte> call in calls)
        {
            ReadOnlySpan<byte> bytes = call.Span;
            int count = bytes.IsEmpty ? 0 : ends.Count;
            for (int i = 0; i < count; i++)
            {
                int same = data[ends[i]..].CommonPrefixLength(bytes);
                farthest = Math.Max(farthest, ends[i] + same);
                if (same == bytes.Length && known.Add(ends[i] + same))
                {
                    ends.Add(ends[i] + same);
                }
            }
        }

        if (known.Contains(data.Length))
        {
            return null;
        }

        long total = calls.Sum(call => (long)call.Length);
        string first = farthest == data.Length ? $"and more than the {data.Length} bytes" : $"byte {farthest} is the first one that differs or is missing";
        return $"{vmm} {total} bytes in {calls.Count} {(calls.Count == 1 ? "call" : "calls")}, and they are not the {data.Length} bytes {program}: {first}.";
    }

    // What a program does that succeeds at the first try, or starts anew after a failure.
    private static bool IsTail(ReadOnlySpan<byte> data, IReadOnlyList<ReadOnlyMemory<byte>> calls)
    {
        for (int i = calls.Count - 1; i >= 0 && data.EndsWith(calls[i].Span); i--)
        {
            data = data[..^calls[i].Length];
        }

        return data.IsEmpty;
    }
}
