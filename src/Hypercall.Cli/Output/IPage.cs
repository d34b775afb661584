namespace Hypercall.Cli.Output;

/// <summary>
/// What a result for people is made of. One page draws it on a terminal, another writes lines that grep and awk can read.
/// </summary>
internal interface IPage
{
    /// <summary>Names and values.</summary>
    void Facts(params IReadOnlyList<(string Name, string Value)> facts);

    /// <summary>Rows under headings. As lines, cells are separated by tabs.</summary>
    void Table(IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<string>> rows);

    /// <summary>A sentence or two.</summary>
    void Text(string text);
}
