using Spectre.Console;

namespace Hypercall.Cli.Output;

/// <summary>
/// A page on a terminal. Everything is written as text, never as markup: half of it comes from CPUID, a VMM or the command line.
/// </summary>
internal sealed class RichPage(IAnsiConsole console) : IPage
{
    public void Facts(params IReadOnlyList<(string Name, string Value)> facts)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
        foreach ((string name, string value) in facts)
        {
            _ = grid.AddRow(new Text(Printable.Line(name), new Style(Color.Aqua)), new Text(Printable.Line(value)));
        }

        console.Write(grid);
    }

    public void Table(IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        Table table = new Table().Border(console.Profile.Capabilities.Unicode ? TableBorder.Rounded : TableBorder.Ascii);
        foreach (string heading in headings)
        {
            _ = table.AddColumn(new TableColumn(new Text(Printable.Line(heading), new Style(decoration: Decoration.Bold))));
        }

        foreach (IReadOnlyList<string> row in rows)
        {
            _ = table.AddRow(row.Select(cell => new Text(Printable.Line(cell))));
        }

        console.Write(table);
    }

    public void Text(string text)
    {
        console.Write(new Text(Printable.Line(text)));
        console.WriteLine();
    }
}
