using System.Globalization;
using System.Text.RegularExpressions;

namespace Hypercall.Guest.Tests.Kernel;

/// <summary>The module and the library mean the same by a convention's name.</summary>
public partial class ConventionTableTests
{
    [Fact]
    public void The_number_of_a_call_lies_in_the_same_bits()
    {
        Dictionary<string, string> module = Row().Matches(File.ReadAllText(Checkout.Full("kernel", "conventions.h"))).ToDictionary(
            row => row.Groups["name"].Value,
            row => Field(row.Groups["register"].Value, Bit(row, "high"), Bit(row, "low")));

        // VMware's port is an instruction that the module does not execute.
        Dictionary<string, string> library = HypercallConvention.All.Where(convention => convention != HypercallConvention.VmwarePort).ToDictionary(
            convention => convention.Name.ToLowerInvariant(),
            convention => Field(
                convention.Number.Register.ToString().ToUpperInvariant(), convention.Number.Shift + convention.Number.Bits - 1, convention.Number.Shift));

        Assert.Equal(library.OrderBy(pair => pair.Key, StringComparer.Ordinal), module.OrderBy(pair => pair.Key, StringComparer.Ordinal));
    }

    private static int Bit(Match row, string name) => int.Parse(row.Groups[name].Value, CultureInfo.InvariantCulture);

    private static string Field(string register, int high, int low) => $"{register}[{high}:{low}]";

    [GeneratedRegex(@"^CONVENTION\(""(?<name>[^""]+)"", +(?<register>R\w+), +(?<high>\d+), +(?<low>\d+)\)\s*$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
