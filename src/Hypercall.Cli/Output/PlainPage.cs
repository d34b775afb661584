namespace Hypercall.Cli.Output;

internal sealed class PlainPage(TextWriter writer) : IPage
{
    public void Facts(params IReadOnlyList<(string Name, string Value)> facts)
    {
        foreach ((string name, string value) in facts)
        {
            writer.WriteLine($"{Printable.Line(name)}: {Printable.Line(value)}");
        }
    }

    public void Table(IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        writer.WriteLine(string.Join('\t', headings.Select(Printable.Line)));
        foreach (IReadOnlyList<string> row in rows)
        {
            writer.WriteLine(string.Join('\t', row.Select(Printable.Line)));
        }
    }

    public void Text(string text) => writer.WriteLine(Printable.Line(text));
}
