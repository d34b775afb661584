using System.CommandLine;
using System.CommandLine.Parsing;

namespace Hypercall.Cli.CommandLine;

/// <summary>An option that takes one 64-bit value.</summary>
internal sealed class RegisterOption : Option<ulong>
{
    public RegisterOption(string name, string description)
        : base(name)
    {
        Description = description;
        HelpName = "VALUE";
        CustomParser = result => Parse(result, result.Tokens[0].Value);
    }

    /// <summary>The option of one register: <c>--rbx</c>.</summary>
    public RegisterOption(GeneralRegister register, string description)
        : this($"--{RegisterValue.NameOf(register)}", description)
    {
    }

    /// <summary>One token as a value. A parser that throws would end the process: it adds an error and gives 0.</summary>
    public static ulong Parse(ArgumentResult result, string token)
    {
        if (!RegisterValue.TryParse(token, out ulong value, out string error))
        {
            result.AddError($"{Owner(result)}: {error}");
        }

        return value;
    }

    private static string Owner(ArgumentResult result) =>
        result.Parent is OptionResult { Option.Name: string name } ? name : result.Argument.Name;
}
