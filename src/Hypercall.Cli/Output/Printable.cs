using System.Globalization;
using System.Text;

namespace Hypercall.Cli.Output;

/// <summary>
/// Text from outside, made safe to show: a VMM that puts an escape sequence into the CPU's brand string must not drive the
/// reader's terminal, nor break a line in two.
/// </summary>
internal static class Printable
{
    public static string Line(string text) => Escape(text, keepLineBreaks: false);

    public static string Lines(string text) => Escape(text, keepLineBreaks: true);

    private static string Escape(string text, bool keepLineBreaks)
    {
        bool IsUnsafe(char c) =>
            CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
            && !(keepLineBreaks && c is '\n' or '\r');

        if (!text.Any(IsUnsafe))
        {
            return text;
        }

        StringBuilder safe = new(text.Length + 16);
        foreach (char c in text)
        {
            _ = IsUnsafe(c) ? safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}") : safe.Append(c);
        }

        return safe.ToString();
    }
}
