using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Output;

/// <summary>Register frames as JSON and as rows.</summary>
internal static class RegisterMap
{
    /// <summary>All 15 registers, by lower-case name, in hexadecimal.</summary>
    public static IReadOnlyDictionary<string, string> Of(in HypercallRegisters registers)
    {
        Dictionary<string, string> map = new(HypercallRegisters.Count); // keeps the order in which it is filled
        foreach (GeneralRegister register in HypercallRegisters.All)
        {
            map.Add(RegisterValue.NameOf(register), RegisterValue.Hex(registers[register]));
        }

        return map;
    }

    public static IReadOnlyList<GeneralRegister> Changed(HypercallRegisters before, HypercallRegisters after) =>
        [.. HypercallRegisters.All.ToArray().Where(register => before[register] != after[register])];

    /// <summary>Rows of name, before and after; a register that did not change says so.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Rows(
        HypercallRegisters before, HypercallRegisters after, IEnumerable<GeneralRegister> which) =>
        [
            .. which.Select(register => new[]
            {
                register.ToString().ToUpperInvariant(),
                RegisterValue.Describe(before[register]),
                before[register] == after[register] ? "unchanged" : RegisterValue.Describe(after[register]),
            }),
        ];
}
