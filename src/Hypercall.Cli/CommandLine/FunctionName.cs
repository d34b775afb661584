using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using Hypercall.BitVisor;

namespace Hypercall.Cli.CommandLine;

/// <summary>Names of VMM functions on the command line: what is no name is bad usage, found before any exit to the VMM.</summary>
internal static class FunctionName
{
    private static readonly Encoding StrictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    public static void Validate(Argument argument) => argument.Validators.Add(Check);

    /// <summary>
    /// A mistyped option must not become a name that the VMM is asked for: a name that begins with '-' needs a '--' before it.
    /// </summary>
    /// <param name="parse">What was typed.</param>
    /// <param name="commands">The commands that there are.</param>
    /// <exception cref="UsageException">A word that looks like an option, and is none, stands where a name does.</exception>
    public static void ThrowIfOption(ParseResult parse, IReadOnlyList<Command> commands)
    {
        string? word = parse.Tokens
            .TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument && token.Value is ['-', _, ..] && IsName(parse.CommandResult, token.Value))?.Value;
        if (word is not null)
        {
            throw new UsageException(
                $"{Spelling.NoSuchOption(word, parse.CommandResult.Command, commands)} If it is the name of a function or a "
                + "file, write it behind --.");
        }
    }

    private static bool IsName(CommandResult command, string word) =>
        command.Children.OfType<ArgumentResult>().Any(argument => argument.Tokens.Any(token => token.Value == word));

    public static void Validate(Option option) => option.Validators.Add(Check);

    private static void Check(SymbolResult result)
    {
        foreach (string name in result.Tokens.Select(token => token.Value))
        {
            if (ErrorIn(name) is { } error)
            {
                result.AddError(error);
            }
        }
    }

    private static string? ErrorIn(string name)
    {
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal))
        {
            return "The name of a VMM function has at least one character, and no NUL.";
        }

        try
        {
            int length = StrictUtf8.GetByteCount(name);
            return length <= BitVisorClient.MaxNameLength ? null : $"The name of a VMM function has at most {BitVisorClient.MaxNameLength} bytes of UTF-8; this one has {length}.";
        }
        catch (EncoderFallbackException)
        {
            return "The name of a VMM function is UTF-8: this one has half of a surrogate pair.";
        }
    }
}
