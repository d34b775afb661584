using System.Globalization;

namespace Hypercall.Native;

/// <summary>Numbers in texts of the kernel. What is no number there is no number here, and never an exception.</summary>
internal static class KernelText
{
    /// <summary>
    /// From here on a number of bytes means that nothing is limited: v1 says 9223372036854771712, RLIM_INFINITY is 2^64 - 1.
    /// </summary>
    public const long Unlimited = 1L << 60;

    /// <summary>
    /// A text that is one number; a larger one than fits is the largest. Null for "max", and for what is no number.
    /// </summary>
    /// <param name="text">The text.</param>
    public static long? Number(string? text) => text is null ? null : Number(text.AsSpan());

    /// <summary>
    /// The number behind a name at the start of a line, such as "MemFree: 123 kB" (then in bytes) or "inactive_file 123".
    /// </summary>
    /// <param name="text">The lines.</param>
    /// <param name="name">The name, with the colon that is part of it.</param>
    public static long? Field(string? text, string name)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line.Length > name.Length && line.StartsWith(name, StringComparison.Ordinal) && char.IsWhiteSpace(line[name.Length]))
            {
                ReadOnlySpan<char> value = line[name.Length..].Trim();
                bool kilobytes = value.EndsWith(" kB", StringComparison.Ordinal);
                return Number(kilobytes ? value[..^3] : value) is { } number ? kilobytes ? Math.Min(number, long.MaxValue / 1024) * 1024 : number : null;
            }
        }

        return null;
    }

    private static long? Number(ReadOnlySpan<char> text) =>
        UInt128.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out UInt128 value) ? (long)UInt128.Min(value, long.MaxValue) : null;
}
