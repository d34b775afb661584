using System.CommandLine;
using Hypercall.Cli.CommandLine;

namespace Hypercall.Cli.Commands;

/// <summary>What is wrong with a command line, and what was probably meant.</summary>
internal static class UsageErrors
{
    /// <summary>The mistake in words.</summary>
    /// <param name="parse">A command line that has one.</param>
    /// <param name="commands">The commands that there are.</param>
    public static UsageException In(ParseResult parse, IReadOnlyList<CliCommand> commands)
    {
        string? stranger = parse.UnmatchedTokens.FirstOrDefault(token => token != "--json");
        return new UsageException(parse.CommandResult.Command is CliCommand command
            ? InCommand(parse, command, commands, parse.UnmatchedTokens.FirstOrDefault(IsOption) ?? stranger)
            : $"{InRoot(stranger, commands)} Commands: {string.Join(", ", commands.Select(known => known.Name))}.");
    }

    /// <summary>
    /// Whether the first word is meant for a command, and there is none of that name: its help cannot be shown.
    /// </summary>
    public static bool NamesNoCommand(ParseResult parse) => parse.UnmatchedTokens is [var first, ..] && !IsOption(first);

    private static string InRoot(string? stranger, IReadOnlyList<CliCommand> commands) => stranger switch
    {
        null => "No command was given.",
        _ when IsOption(stranger) => $"'{stranger}' is no option of hypercall itself: options come after a command, as in 'hypercall detect --vmm fake'.",
        _ => $"There is no command '{stranger}'.{Spelling.Guess(stranger, commands.Select(known => known.Name), "'")}",
    };

    private static string InCommand(
        ParseResult parse, CliCommand command, IReadOnlyList<CliCommand> commands, string? stranger) => stranger switch
    {
        null => string.Join(Environment.NewLine, parse.Errors.Select(error => error.Message).Distinct()),
        _ when command.Options.Any(option => option.Name == stranger) => $"'{stranger}' stands before the command: options come after it, as in 'hypercall {command.Name} ... {stranger}'.",
        _ when IsOption(stranger) => Spelling.NoSuchOption(stranger, command, commands),
        _ => $"'{stranger}' is one argument too many.",
    };

    private static bool IsOption(string word) => word is ['-', _, ..];
}
