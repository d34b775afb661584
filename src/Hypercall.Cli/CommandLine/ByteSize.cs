using System.Globalization;

namespace Hypercall.Cli.CommandLine;

/// <summary>A number of bytes as people write it: <c>4096</c>, <c>64KiB</c>, <c>8MiB</c>, <c>1GiB</c>, <c>2TiB</c>.</summary>
internal static class ByteSize
{
    /// <summary>The forms in a few words, for help texts and errors.</summary>
    public const string Forms = "bytes (4096), or with a unit: B, KiB, MiB, GiB, TiB (8MiB)";

    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"]; // each 1024 of the one before: IEC 80000-13

    public static bool TryParse(string text, out long bytes, out string error)
    {
        bytes = 0;
        string digits = new([.. text.TakeWhile(char.IsAsciiDigit)]);
        string unit = text[digits.Length..];
        int power = unit.Length == 0 ? 0 : Array.FindIndex(Units, known => known.Equals(unit, StringComparison.OrdinalIgnoreCase));
        if (digits.Length == 0 || power < 0)
        {
            error = $"'{text}' is no size: write it in {Forms}.";
            return false;
        }

        string significant = digits.TrimStart('0');
        if (significant.Length == 0)
        {
            error = $"'{text}' is no size: memory has 1 byte or more.";
            return false;
        }

        // 19 digits are the most that a long has, and 2^40 times that fits into 128 bits.
        UInt128 value = significant.Length > 19 ? UInt128.MaxValue : UInt128.Parse(significant, CultureInfo.InvariantCulture) << (10 * power);
        if (value > long.MaxValue)
        {
            error = $"'{text}' is larger than any memory: sizes go up to {long.MaxValue} bytes.";
            return false;
        }

        bytes = (long)value;
        error = "";
        return true;
    }

    /// <summary>In the largest unit that divides it: <c>8 MiB</c>, <c>4097 B</c>.</summary>
    public static string Describe(long bytes)
    {
        int power = 0;
        while (power < Units.Length - 1 && bytes != 0 && bytes % 1024 == 0)
        {
            bytes /= 1024;
            power++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{bytes} {Units[power]}");
    }
}
