using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Hypercall.Cli.CommandLine;
using Spectre.Console;

namespace Hypercall.Cli.Output;

/// <summary>Results go to standard output, errors to standard error; with JSON, one document on standard output whatever happens.</summary>
internal sealed class CliOutput(CliHost host, bool json)
{
    /// <summary>Whether the reader is a program.</summary>
    public bool IsJson { get; } = json;

    /// <summary>Prints a result: as JSON, or as a page.</summary>
    /// <param name="result">The result.</param>
    /// <param name="type">Its shape, of <see cref="CliJson"/>.</param>
    /// <param name="draw">Draws it for people.</param>
    public void Report<T>(T result, JsonTypeInfo<T> type, Action<IPage> draw)
    {
        try
        {
            if (IsJson)
            {
                host.Out.WriteLine(JsonSerializer.Serialize(result, type));
            }
            else
            {
                draw(host.OutIsTerminal ? new RichPage(Terminal(host.Out)) : new PlainPage(host.Out));
            }
        }
        catch (Exception e) when (IsBrokenStream(e))
        {
            throw Unwritable(e);
        }
    }

    /// <summary>Prints an error.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="code">What the process ends with.</param>
    /// <param name="hint">Where to read on; null for nowhere.</param>
    public void ReportError(Exception error, ExitCode code, string? hint)
    {
        ErrorInfo info = ErrorInfo.Of(error) with { Hint = hint };
        string text = Printable.Lines(hint is null ? info.Message : info.Message + Environment.NewLine + hint);
        if (IsJson && TryWriteJson(new ErrorReport(info, (int)code)))
        {
            text = "";
        }

        try
        {
            WriteError(text, code == ExitCode.Internal ? error.StackTrace : null);
        }
        catch (Exception e) when (IsBrokenStream(e))
        {
            // Nobody hears it; the exit code is what is left.
        }
    }

    /// <summary>Whether writing failed: a full disk, or a stream that was closed before the process began, which .NET calls unauthorized.</summary>
    public static bool IsBrokenStream(Exception error) => error is IOException or UnauthorizedAccessException;

    /// <summary>The error that it becomes.</summary>
    public static UsageException Unwritable(Exception cause) => new($"Standard output cannot be written: {cause.Message}", cause);

    private void WriteError(string text, string? stackTrace)
    {
        if (text.Length > 0 && host.ErrorIsTerminal)
        {
            IAnsiConsole console = Terminal(host.Error);
            console.Write(new Paragraph().Append("hypercall: ", new Style(Color.Red, decoration: Decoration.Bold)).Append(text));
            console.WriteLine();
        }
        else if (text.Length > 0)
        {
            host.Error.WriteLine($"hypercall: {text}");
        }

        if (stackTrace is not null)
        {
            host.Error.WriteLine(stackTrace);
        }
    }

    // Where standard output is what broke, standard error is what is left.
    private bool TryWriteJson(ErrorReport report)
    {
        try
        {
            host.Out.WriteLine(JsonSerializer.Serialize(report, CliJson.Readable.ErrorReport));
            return true;
        }
        catch (Exception e) when (IsBrokenStream(e))
        {
            return false;
        }
    }

    // Whether colors are wanted is the terminal's business, and NO_COLOR's: Spectre.Console finds out.
    private static IAnsiConsole Terminal(TextWriter writer) => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
}
