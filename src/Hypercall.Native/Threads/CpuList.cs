using System.Globalization;

namespace Hypercall.Native;

/// <summary>
/// The kernel's lists of CPUs: <c>0-3,8</c> (Linux, Documentation/admin-guide/kernel-parameters.rst, "cpu lists").
/// </summary>
internal static class CpuList
{
    /// <summary>Whether a list names a CPU. What is no list names none.</summary>
    /// <param name="list">The list.</param>
    /// <param name="cpu">The CPU.</param>
    public static bool Contains(string list, int cpu) => Ranges(list).Any(range => cpu >= range.First && cpu <= range.Last);

    /// <summary>The CPUs that a list names, in its order. What is no list names none.</summary>
    /// <param name="list">The list.</param>
    public static IEnumerable<int> Numbers(string list) =>
        Ranges(list).SelectMany(range => Enumerable.Range(range.First, Math.Max(0, range.Last - range.First + 1)));

    private static IEnumerable<(int First, int Last)> Ranges(string list)
    {
        foreach (string part in list.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] ends = part.Split('-', 2);
            if (TryNumber(ends[0], out int first) && TryNumber(ends[^1], out int last))
            {
                yield return (first, last);
            }
        }
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
