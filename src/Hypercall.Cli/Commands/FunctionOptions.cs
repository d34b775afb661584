using System.CommandLine;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;

namespace Hypercall.Cli.Commands;

/// <summary>The options that say which function: <c>--convention</c> and <c>--number</c>; and <c>--arg</c>.</summary>
internal sealed class FunctionOptions
{
    private const string EitherWay = "A function has a name, or --convention and --number";

    private readonly string _name;
    private readonly ChoiceOption<HypercallConvention> _convention;
    private readonly RegisterOption _number = new("--number", $"The function's number, for --convention: {RegisterValue.Forms}.");
    private readonly Option<ulong[]> _arguments = new("--arg")
    {
        Description = $"An argument of the function: {RegisterValue.Forms}; once for each, in order. Those left out are 0.",
        HelpName = "VALUE",
        CustomParser = result => [.. result.Tokens.Select(token => RegisterOption.Parse(result, token.Value))],
    };

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="name">How its help calls the name: <c>NAME</c>, <c>--function</c>.</param>
    public FunctionOptions(Command command, string name)
    {
        _name = name;
        _convention = new(
            "--convention",
            $"Call a number instead of a name ({name}), in the registers of this VMM. Goes with --number.",
            defaultValue: null,
            [.. HypercallConvention.All.Select(convention => (convention.Name.ToLowerInvariant(), convention))]);
        foreach (Option option in (Option[])[_convention, _number, _arguments])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Whether arguments were given by <c>--arg</c>.</summary>
    public bool HasArguments(Invocation invocation) => invocation.Has(_arguments);

    /// <summary>Whether a convention was given.</summary>
    public bool HasConvention(Invocation invocation) => invocation.Has(_convention);

    /// <summary>The function that was asked for. What can be wrong with it is said here, before any exit to the VMM.</summary>
    /// <param name="invocation">The run.</param>
    /// <param name="name">The name; null where none was given.</param>
    /// <param name="layout">Which arguments hold memory, and are not given by the user. Null for a call without memory.</param>
    /// <exception cref="UsageException">It cannot be one.</exception>
    public FunctionChoice Read(Invocation invocation, string? name, TransferLayout? layout = null)
    {
        HypercallConvention? chosen = invocation.Get(_convention);
        bool hasNumber = invocation.Has(_number);
        string? problem = (name, chosen) switch
        {
            (null, null) when hasNumber => "--number needs --convention, which says which registers carry it.",
            (null, null) => $"Say which function: by its name ({_name}), or by --convention and --number.",
            (not null, not null) => $"{EitherWay}: '{name}' does not go with --convention.",
            (not null, null) when hasNumber => $"{EitherWay}: '{name}' does not go with --number.",
            (null, not null) when !hasNumber => "--convention needs --number.",
            _ => null,
        };
        if (problem is not null)
        {
            throw new UsageException(problem);
        }

        ulong[] words = invocation.Get(_arguments) ?? [];
        FunctionChoice function = new(name, chosen ?? HypercallConvention.BitVisor, invocation.Get(_number), words);
        ThrowIfUnfit(function, layout);
        return function;
    }

    private static void ThrowIfUnfit(FunctionChoice function, TransferLayout? layout)
    {
        HypercallConvention convention = function.Convention;
        IReadOnlyList<RegisterField> arguments = convention.Arguments;
        int[] taken = layout is null ? [] : [layout.ToVmm, layout.FromVmm, layout.Length ?? layout.ToVmm];
        string option = layout is null ? "" : $"--layout {LayoutOption.Describe(layout)}";
        if (taken.Length > 0 && taken.Max() >= arguments.Count)
        {
            throw new UsageException(
                $"{option} uses argument {taken.Max()}, and the convention '{convention}' has {Count(arguments.Count)}, "
                + $"counted from 0: {List(arguments)}.");
        }

        foreach (int address in layout is null ? (int[])[] : [layout.ToVmm, layout.FromVmm])
        {
            if (arguments[address].Bits < 64)
            {
                throw new UsageException(
                    $"{option} puts an address into argument {address}, and the convention '{convention}' has "
                    + $"{arguments[address].Bits} bits for that "
                    + $"({arguments[address]}).");
            }
        }

        RegisterField[] own = [.. arguments.Where((_, argument) => !taken.Contains(argument))];
        if (function.Words.Count > own.Length)
        {
            throw new UsageException(layout is null
                ? $"The convention '{convention}' carries {Count(own.Length)} ({List(own)}); {function.Words.Count} were given."
                : $"{option} leaves {Count(own.Length)} of the convention '{convention}' to the function itself ({List(own)}); "
                    + $"{function.Words.Count} were given.");
        }

        IEnumerable<(RegisterField, ulong)> values = [(convention.Number, function.Number), .. own.Zip(function.Words)];
        foreach ((RegisterField field, ulong value) in values)
        {
            if (value > field.MaxValue)
            {
                throw new UsageException(
                    $"0x{value:x} is too large: the convention '{convention}' has {field.Bits} bits for that, {field}: at most "
                    + $"0x{field.MaxValue:x}.");
            }
        }
    }

    private static string Count(int arguments) => arguments == 1 ? "1 argument" : $"{arguments} arguments";

    private static string List(IReadOnlyList<RegisterField> fields) => fields.Count == 0 ? "none" : string.Join(", ", fields);
}
