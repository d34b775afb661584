using System.Globalization;

namespace Hypercall.Cli.CommandLine;

/// <summary>
/// A 64-bit register value as people write it: decimal <c>10</c>, hexadecimal <c>0xA</c>, either of them negative (two's
/// complement:
/// <c>-1</c> is 0xffffffffffffffff), digits separated by single underscores where that helps (<c>0xffff_8000</c>).
/// </summary>
internal static class RegisterValue
{
    /// <summary>The forms in a few words, for help texts and errors.</summary>
    public const string Forms = "decimal (10), hexadecimal (0xA) or negative (-1)";

    public static bool TryParse(ReadOnlySpan<char> text, out ulong value, out string error)
    {
        value = 0;
        ReadOnlySpan<char> rest = text;
        bool negative = rest.StartsWith('-');
        rest = negative ? rest[1..] : rest;
        bool hexadecimal = rest.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        rest = hexadecimal ? rest[2..] : rest;

        if (!TryAccumulate(rest, hexadecimal ? 16u : 10u, out UInt128 magnitude))
        {
            error = $"'{text}' is no register value: write it in {Forms}.";
            return false;
        }

        UInt128 limit = negative ? (UInt128)1 << 63 : ulong.MaxValue;
        if (magnitude > limit)
        {
            error = $"'{text}' does not fit into a 64-bit register: values go from {long.MinValue} to {ulong.MaxValue} (0x{ulong.MaxValue:x}).";
            return false;
        }

        value = negative ? unchecked(0 - (ulong)magnitude) : (ulong)magnitude;
        error = "";
        return true;
    }

    /// <summary>For people: hexadecimal, and decimal as a signed number, for -1 says more than 18446744073709551615.</summary>
    public static string Describe(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x} ({(long)value})");

    /// <summary>For programs: hexadecimal. A JSON number above 2^53 is not exact in every reader.</summary>
    public static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    /// <summary>A register as it is written in options and in JSON: <c>rbx</c>.</summary>
    public static string NameOf(GeneralRegister register) => register.ToString().ToLowerInvariant();

    private static bool TryAccumulate(ReadOnlySpan<char> digits, uint radix, out UInt128 magnitude)
    {
        magnitude = 0;
        bool afterDigit = false;
        foreach (char c in digits)
        {
            if (c == '_' && afterDigit)
            {
                afterDigit = false;
                continue;
            }

            if (!char.IsAsciiHexDigit(c) || (radix == 10 && !char.IsAsciiDigit(c)))
            {
                return false;
            }

            uint digit = char.IsAsciiDigit(c) ? (uint)(c - '0') : (uint)((c | 0x20) - 'a' + 10);
            magnitude = magnitude > ulong.MaxValue ? magnitude : (magnitude * radix) + digit; // too large stays too large
            afterDigit = true;
        }

        return afterDigit; // neither empty nor "1_"
    }
}
