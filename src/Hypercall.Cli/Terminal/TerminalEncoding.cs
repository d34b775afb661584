using System.Text;

namespace Hypercall.Cli.Terminal;

/// <summary>Which characters a terminal, or the reader of a file, can be sent.</summary>
internal static class TerminalEncoding
{
    // The frames of tables, the bar of a transfer, and the sign for text that was cut.
    private const string Drawing = "╭─┬╮│├┼┤╰┴╯━…";

    /// <summary>
    /// The encoding of text that this process prints. What it lacks is printed in ASCII, never as a question mark.
    /// </summary>
    /// <param name="isTerminal">Whether the reader is a terminal; a file without a locale is UTF-8, a terminal without one is
    /// ASCII.</param>
    public static Encoding Of(bool isTerminal) => OperatingSystem.IsWindows()
        ? Readable(Console.OutputEncoding)
        : Readable(OfLocale(Environment.GetEnvironmentVariable, isTerminal ? Encoding.ASCII : new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)));

    /// <summary>The encoding that the locale's name says; where it says none that is known here, another.</summary>
    /// <remarks>
    /// The first of LC_ALL, LC_CTYPE and LANG that is set counts (POSIX, Base Definitions 8.2). .NET looks at LC_MESSAGES instead
    /// of LC_CTYPE, and takes a charset that it does not know (EUC-JP, KOI8-R), or none (C, POSIX), for UTF-8.
    /// </remarks>
    public static Encoding OfLocale(Func<string, string?> variable, Encoding unknown)
    {
        string locale = ((string[])["LC_ALL", "LC_CTYPE", "LANG"]).Select(variable).FirstOrDefault(value => !string.IsNullOrEmpty(value)) ?? "";
        string charset = locale.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? locale[(dot + 1)..].Split('@')[0] : "";
        if (charset.Replace("-", "", StringComparison.Ordinal).Equals("utf8", StringComparison.OrdinalIgnoreCase))
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        }

        try
        {
            return charset.Length == 0 ? unknown : Encoding.GetEncoding(charset.StartsWith("ISO8859", StringComparison.OrdinalIgnoreCase) ? "ISO-8859" + charset[7..] : charset);
        }
        catch (ArgumentException)
        {
            return unknown;
        }
    }

    /// <summary>Whether frames of tables can be drawn with more than ASCII.</summary>
    public static bool CanDraw(TextWriter writer)
    {
        Encoding strict = (Encoding)writer.Encoding.Clone();
        strict.EncoderFallback = EncoderFallback.ExceptionFallback;
        try
        {
            _ = strict.GetByteCount(Drawing);
            return Environment.GetEnvironmentVariable("TERM") != "dumb";
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }

    private static Encoding Readable(Encoding encoding)
    {
        encoding = (Encoding)encoding.Clone();
        encoding.EncoderFallback = new AsciiFallback();
        return encoding;
    }
}
