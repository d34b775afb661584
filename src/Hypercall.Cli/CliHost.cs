using Hypercall.Cli.Terminal;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Cli;

/// <summary>What the tool stands on: where it writes, and what it registers. Tests put their own in its place.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">Errors.</param>
internal sealed record CliHost(TextWriter Out, TextWriter Error)
{
    /// <summary>
    /// Whether <see cref="Out"/> is a terminal: then tables have borders and colors, otherwise results are plain lines.
    /// </summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>
    /// Whether the process was born without a standard output: nothing is asked of a VMM whose answer nobody can have.
    /// </summary>
    public bool OutIsClosed { get; init; }

    /// <summary>Whether <see cref="Error"/> is a terminal.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Opens standard input as bytes. The default is nothing.</summary>
    public Func<Stream> OpenInput { get; init; } = () => Stream.Null;

    /// <summary>Whether a person types the input.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>Opens standard output for bytes, where a result is no text of ours. The default loses them.</summary>
    public Func<Stream> OpenOutput { get; init; } = () => Stream.Null;

    /// <summary>Reads a variable of the environment; null where it is not set. The default is an empty environment.</summary>
    public Func<string, string?> Environment { get; init; } = static _ => null;

    /// <summary>Registers something else, after everything that the tool registered.</summary>
    public Action<IServiceCollection>? ConfigureServices { get; init; }

    public static CliHost ForConsole() => new(StandardStreams.CreateOut(), StandardStreams.CreateError())
    {
        OpenInput = StandardStreams.OpenInput,
        InputIsTerminal = !Console.IsInputRedirected,
        OpenOutput = StandardStreams.OpenOutput,
        OutIsClosed = !StandardStreams.HasOutput,
        OutIsTerminal = !Console.IsOutputRedirected,
        ErrorIsTerminal = !Console.IsErrorRedirected,
        Environment = System.Environment.GetEnvironmentVariable,
    };
}
