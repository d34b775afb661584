using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Tests.CommandLine;

public class RegisterValueTests
{
    [Property(MaxTest = 1000)]
    public bool Any_value_written_in_decimal_is_read_back(ulong value) => Read(value.ToString(CultureInfo.InvariantCulture)) == value;

    [Property(MaxTest = 1000)]
    public bool Any_value_written_in_hexadecimal_is_read_back(ulong value) =>
        Read($"0x{value:x}") == value && Read($"0X{value:X}") == value && Read($"0x{value:x16}") == value;

    [Property(MaxTest = 1000)]
    public bool Any_signed_value_is_read_back_as_its_two_s_complement(long value) =>
        Read(value.ToString(CultureInfo.InvariantCulture)) == unchecked((ulong)value);

    [Property(MaxTest = 1000)]
    public bool Any_negative_value_may_be_hexadecimal(long value) =>
        value >= 0 || Read($"-0x{unchecked(0 - (ulong)value):x}") == unchecked((ulong)value);

    [Property(MaxTest = 1000)]
    public bool Any_value_is_read_with_its_digits_separated(ulong value) =>
        Read(string.Join('_', value.ToString(CultureInfo.InvariantCulture).ToCharArray())) == value;

    [Property(MaxTest = 1000)]
    public bool What_is_printed_is_read_back(ulong value) => Read(RegisterValue.Hex(value)) == value;

    [Property(MaxTest = 1000)]
    public bool Any_number_beyond_64_bits_is_an_error_that_says_so(ulong excess, bool negative, bool hexadecimal)
    {
        UInt128 magnitude = (negative ? (UInt128)1 << 63 : ulong.MaxValue) + 1 + excess;
        string text = (negative ? "-" : "") + (hexadecimal ? $"0x{magnitude:x}" : magnitude.ToString(CultureInfo.InvariantCulture));
        return !RegisterValue.TryParse(text, out ulong value, out string error)
            && value == 0 && error.Contains("does not fit into a 64-bit register", StringComparison.Ordinal);
    }

    [Property(MaxTest = 2000)]
    public Property Any_text_is_a_value_or_an_error_and_never_an_exception()
    {
        // Texts near to numbers find more than texts of any characters; both are tried.
        Gen<string> near = Gen.Elements("-_0123456789abcdefxXg +".ToCharArray()).ArrayOf().Select(chars => new string(chars));
        Gen<string> any = ArbMap.Default.GeneratorFor<string>().Select(text => text ?? "");
        return Prop.ForAll(Gen.OneOf(near, any).ToArbitrary(), text =>
        {
            bool parsed = RegisterValue.TryParse(text, out ulong value, out string error);
            return parsed == IsValue(text) && (parsed ? error.Length == 0 : error.Length > 0 && value == 0);
        });
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("-0", 0)]
    [InlineData("-1", ulong.MaxValue)]
    [InlineData("0xffff_8000", 0xffff_8000)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("-9223372036854775808", 1UL << 63)]
    [InlineData("0000000000000000000000000000000000000000000000000000000001", 1)]
    public void The_edges_are_values(string text, ulong expected) => Assert.Equal(expected, Read(text));

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("0x")]
    [InlineData("-0x")]
    [InlineData("_1")]
    [InlineData("1_")]
    [InlineData("1__1")]
    [InlineData("0x_1")]
    [InlineData("ff")]
    [InlineData("+1")]
    [InlineData("--1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData("٣")] // a decimal digit to Unicode, none to a CPU manual
    public void What_is_no_number_is_an_error_that_shows_how_to_write_one(string text)
    {
        Assert.False(RegisterValue.TryParse(text, out _, out string error));
        Assert.Contains($"'{text}'", error, StringComparison.Ordinal);
        Assert.Contains(RegisterValue.Forms, error, StringComparison.Ordinal);
    }

    [Fact]
    public void For_people_all_ones_is_minus_one() => Assert.Equal("0xffffffffffffffff (-1)", RegisterValue.Describe(ulong.MaxValue));

    private static ulong Read(string text)
    {
        Assert.True(RegisterValue.TryParse(text, out ulong value, out string error), error);
        return value;
    }

    // The same grammar told in another way: a model for the parser.
    private static bool IsValue(string text)
    {
        System.Text.RegularExpressions.Match match = System.Text.RegularExpressions.Regex.Match(
            text, @"\A(-)?(?:0[xX]([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|([0-9]+(?:_[0-9]+)*))\z");
        if (!match.Success)
        {
            return false;
        }

        string hexadecimal = match.Groups[2].Value.Replace("_", "", StringComparison.Ordinal);
        System.Numerics.BigInteger magnitude = hexadecimal.Length > 0
            ? System.Numerics.BigInteger.Parse("0" + hexadecimal, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : System.Numerics.BigInteger.Parse(match.Groups[3].Value.Replace("_", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        return magnitude <= (match.Groups[1].Success ? System.Numerics.BigInteger.Pow(2, 63) : ulong.MaxValue);
    }
}
