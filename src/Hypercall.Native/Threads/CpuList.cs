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
    public static bool Contains(string list, int cpu)
    {
        foreach (Range part in list.AsSpan().Split(','))
        {
            ReadOnlySpan<char> range = list.AsSpan(part).Trim();
            int dash = range.IndexOf('-');
            if (TryNumber(dash < 0 ? range : range[..dash], out int first)
                && TryNumber(dash < 0 ? range : range[(dash + 1)..], out int last)
                && cpu >= first && cpu <= last)
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
