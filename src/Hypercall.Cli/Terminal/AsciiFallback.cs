using System.Globalization;
using System.Text;

namespace Hypercall.Cli.Terminal;

/// <summary>
/// Writes what an encoding lacks in ASCII: punctuation as what looks like it, anything else by its number, as JSON does.
/// </summary>
internal sealed class AsciiFallback : EncoderFallback
{
    public override int MaxCharCount => 12; // both halves of a surrogate pair

    public override EncoderFallbackBuffer CreateFallbackBuffer() => new Buffer();

    /// <summary>A character of no more than 16 bits in ASCII.</summary>
    internal static string Spell(char c) => c switch
    {
        '\u2018' or '\u2019' => "'",
        '\u201c' or '\u201d' => "\"",
        '\u2010' or '\u2011' or '\u2012' or '\u2013' or '\u2014' or '\u2212' => "-",
        '\u2026' => "...",
        '\u2192' => "->",
        '\u2190' => "<-",
        '\u00d7' => "x",
        '\u00a0' or '\u202f' => " ",
        '\u2500' or '\u2501' => "-", // the straight lines of a table and of a bar
        '\u2502' or '\u2503' => "|",
        >= '\u250c' and <= '\u254b' or >= '\u256d' and <= '\u2570' => "+", // corners and crossings
        _ => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
    };

    private sealed class Buffer : EncoderFallbackBuffer
    {
        private string _text = "";
        private int _next;

        public override int Remaining => _text.Length - _next;

        public override bool Fallback(char charUnknown, int index)
        {
            (_text, _next) = (Spell(charUnknown), 0);
            return true;
        }

        public override bool Fallback(char charUnknownHigh, char charUnknownLow, int index)
        {
            (_text, _next) = (Spell(charUnknownHigh) + Spell(charUnknownLow), 0);
            return true;
        }

        public override char GetNextChar() => _next < _text.Length ? _text[_next++] : '\0';

        public override bool MovePrevious()
        {
            _next--;
            return _next >= 0;
        }

        public override void Reset() => (_text, _next) = ("", 0);
    }
}
