namespace Hypercall.Conformance.Running;

/// <summary>
/// Writes what the Test Anything Protocol, version 14, wants, a line at a time: who reads it over a serial line sees a machine
/// that dies.
/// </summary>
internal sealed class TapWriter(TextWriter output)
{
    private int _number;

    public void Begin(int count)
    {
        output.Write("TAP version 14\n");
        output.Write($"1..{count}\n");
        output.Flush();
    }

    public void Comment(string text)
    {
        foreach (string line in text.Split('\n'))
        {
            output.Write($"# {line.TrimEnd('\r')}\n");
        }

        output.Flush();
    }

    public void Passed(string name) => Line($"ok {++_number} - {Escape(name)}");

    public void Skipped(string name, string reason) => Line($"ok {++_number} - {Escape(name)} # SKIP {reason.ReplaceLineEndings(" ")}");

    public void Failed(string name, string message, string? details, TimeSpan after)
    {
        Line($"not ok {++_number} - {Escape(name)}");
        Line("  ---");
        Line($"  message: {Quote(message)}");
        Line("  severity: fail");
        Line($"  duration_ms: {(long)after.TotalMilliseconds}");
        if (details is not null)
        {
            Line("  details: |");
            foreach (string line in details.Split('\n'))
            {
                Line($"    {line.TrimEnd('\r')}");
            }
        }

        Line("  ...");
    }

    public void BailOut(string why) => Line($"Bail out! {why.ReplaceLineEndings(" ")}");

    private static string Escape(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("#", "\\#", StringComparison.Ordinal);

    private static string Quote(string text) =>
        "\"" + text.ReplaceLineEndings(" ").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";

    private void Line(string text)
    {
        output.Write(text + "\n");
        output.Flush();
    }
}
