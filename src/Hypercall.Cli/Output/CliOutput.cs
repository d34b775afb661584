using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Hypercall.Cli.Terminal;
using Spectre.Console;

namespace Hypercall.Cli.Output;

/// <summary>
/// Results go to standard output, errors to standard error; with JSON, one document on standard output whatever happens.
/// </summary>
internal sealed class CliOutput(CliHost host, bool json)
{
    /// <summary>Whether the reader is a program.</summary>
    public bool IsJson { get; } = json;

    /// <summary>Prints a result: as JSON, or as a page.</summary>
    /// <param name="result">The result.</param>
    /// <param name="type">Its shape, of <see cref="CliJson"/>.</param>
    /// <param name="draw">Draws it for people.</param>
    /// <param name="done">What the VMM did, should its result be lost; null when that is nothing that lasts.</param>
    /// <exception cref="OutputException">It cannot be written.</exception>
    public void Report<T>(T result, JsonTypeInfo<T> type, Action<IPage> draw, string? done = null)
    {
        try
        {
            if (IsJson)
            {
                WriteJson(result, type);
            }
            else
            {
                draw(host.OutIsTerminal ? new RichPage(TerminalText.On(host.Out)) : new PlainPage(host.Out));
            }
        }
        catch (Exception e) when (OutputException.IsBrokenStream(e))
        {
            throw new OutputException(OutputException.StandardOutput, e, done);
        }
    }

    /// <summary>Prints what makes the answer doubtful; nothing with JSON, where the answer has a place for it.</summary>
    /// <param name="warnings">What does; none for nothing.</param>
    public void Warn(IReadOnlyList<string> warnings)
    {
        try
        {
            foreach (string warning in IsJson ? [] : warnings)
            {
                WriteError($"warning: {warning}", Color.Yellow);
            }
        }
        catch (Exception e) when (OutputException.IsBrokenStream(e))
        {
            // Nobody hears it; the call was asked for all the same.
        }
    }

    /// <summary>Prints an error.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="code">What the process ends with.</param>
    /// <param name="hint">Where to read on; null for nowhere.</param>
    public void ReportError(Exception error, ExitCode code, string? hint)
    {
        if (error is OutputException { IsSilent: true })
        {
            return; // who closed the pipe has read enough
        }

        ErrorInfo info = ErrorInfo.Of(error) with { Hint = hint };
        string text = Printable.Lines(string.Join(Environment.NewLine, info.ToLines()));
        if (IsJson && error is not OutputException { IsStandardOutput: true } && TryWriteJson(new ErrorReport(info, (int)code)))
        {
            text = "";
        }

        try
        {
            WriteError(text, Color.Red, code == ExitCode.Internal ? error.StackTrace : null);
        }
        catch (Exception e) when (OutputException.IsBrokenStream(e))
        {
            // Nobody hears it; the exit code is what is left.
        }
    }

    private void WriteError(string text, Color color, string? stackTrace = null)
    {
        if (text.Length > 0 && host.ErrorIsTerminal)
        {
            IAnsiConsole console = TerminalText.On(host.Error);
            console.Write(new Paragraph().Append("hypercall: ", new Style(color, decoration: Decoration.Bold)).Append(text));
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
            WriteJson(report, CliJson.Readable.ErrorReport);
            return true;
        }
        catch (Exception e) when (OutputException.IsBrokenStream(e))
        {
            return false;
        }
    }

    // A character that the encoding of standard output lacks stays exact: it only occurs inside strings, where JSON writes it by
    // its number.
    private void WriteJson<T>(T value, JsonTypeInfo<T> type)
    {
        string json = JsonSerializer.Serialize(value, type);
        host.Out.WriteLine(host.Out.Encoding.WebName.StartsWith("utf-", StringComparison.OrdinalIgnoreCase) || Ascii.IsValid(json)
            ? json
            : string.Concat(json.Select(c => char.IsAscii(c) ? $"{c}" : string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"))));
    }
}
