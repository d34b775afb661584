using Spectre.Console;

namespace Hypercall.Cli.Terminal;

/// <summary>
/// A terminal that Spectre.Console draws on, through our own writer: its own takes only Console's for a terminal, and its frames
/// are never plain ASCII.
/// </summary>
internal sealed class TerminalText : IAnsiConsoleOutput
{
    private readonly AnsiConsoleOutput _size;

    private TerminalText(TextWriter writer) => (Writer, _size) = (writer, new AnsiConsoleOutput(writer));

    public TextWriter Writer { get; }

    public bool IsTerminal => true;

    public int Width => _size.Width;

    public int Height => _size.Height;

    /// <summary>
    /// Draws on a terminal. Whether colors are wanted is its business, and NO_COLOR's: Spectre.Console finds out.
    /// </summary>
    public static IAnsiConsole On(TextWriter writer)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new TerminalText(writer) });
        console.Profile.Capabilities.Unicode = TerminalEncoding.CanDraw(writer);
        return console;
    }

    public void SetEncoding(System.Text.Encoding encoding)
    {
        // The writer's is what the terminal understands.
    }
}
