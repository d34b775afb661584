using System.Globalization;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Tests.CommandLine;

public class ByteSizeTests
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    [Property(MaxTest = 1000)]
    public Property Any_number_in_any_unit_is_that_many_bytes_or_too_large()
    {
        Gen<BigInteger> numbers = Gen.OneOf(
            Gen.Choose(1, 5000).Select(value => (BigInteger)value),
            Gen.Choose(0, 70).Select(power => BigInteger.Pow(2, power)),
            Gen.Choose(1, 70).Select(power => BigInteger.Pow(2, power) - 1),
            ArbMap.Default.GeneratorFor<ulong>().Select(value => (BigInteger)value + 1));
        return Prop.ForAll(Gen.Zip(numbers, Gen.Choose(0, 4)).ToArbitrary(), sample =>
        {
            (BigInteger number, int power) = sample;
            BigInteger expected = number * BigInteger.Pow(1024, power);
            string text = number.ToString(CultureInfo.InvariantCulture) + Units[power];
            bool parsed = ByteSize.TryParse(text, out long bytes, out string error);
            return expected <= long.MaxValue
                ? parsed && bytes == expected && error.Length == 0
                : !parsed && bytes == 0 && error.Contains("larger than any memory", StringComparison.Ordinal);
        });
    }

    [Property(MaxTest = 1000)]
    public bool What_is_printed_is_read_back(PositiveInt size, byte shift)
    {
        long bytes = (long)size.Get << (shift % 30);
        return ByteSize.TryParse(ByteSize.Describe(bytes).Replace(" ", "", StringComparison.Ordinal), out long read, out _) && read == bytes;
    }

    [Property(MaxTest = 1000)]
    public bool Any_text_is_a_size_or_an_error_and_never_an_exception(string? text) =>
        ByteSize.TryParse(text ?? "", out long bytes, out string error) ? bytes > 0 && error.Length == 0 : bytes == 0 && error.Length > 0;

    [Theory]
    [InlineData("8MiB", 8388608)]
    [InlineData("4096", 4096)]
    [InlineData("1GiB", 1073741824)]
    [InlineData("64kib", 65536)]
    [InlineData("0001", 1)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void Sizes_as_people_write_them(string text, long expected)
    {
        Assert.True(ByteSize.TryParse(text, out long bytes, out string error), error);
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("0GiB")]
    [InlineData("-1")]
    [InlineData("MiB")]
    [InlineData("8MB")] // 10^6 or 2^20? whoever writes it means one of them
    [InlineData("8 MiB")]
    [InlineData("1.5GiB")]
    [InlineData("9223372036854775808")]
    [InlineData("8388608TiB")]
    [InlineData("99999999999999999999999999999999999999999999999999GiB")]
    public async Task What_is_no_size_is_bad_usage(string text)
    {
        CliRun run = await CliRun.OfAsync(["memory", "--vmm", "fake", "--size", text]);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("--size", run.Error, StringComparison.Ordinal);
    }
}
