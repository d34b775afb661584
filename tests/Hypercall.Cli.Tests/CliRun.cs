using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Cli.Tests;

/// <summary>One run of the tool, in this process.</summary>
internal sealed record CliRun(ExitCode ExitCode, string Out, string Error)
{
    /// <summary>What came on standard output as bytes.</summary>
    public byte[] Bytes { get; private init; } = [];

    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    /// <summary>Runs a command line whose words hold no blanks.</summary>
    public static Task<CliRun> OfAsync(string commandLine, Action<IServiceCollection>? services = null) =>
        OfAsync(commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries), services);

    public static Task<CliRun> OfAsync(
        string[] args, Action<IServiceCollection>? services = null, CancellationToken cancellationToken = default) =>
        OfAsync(args, Stream.Null, services, cancellationToken);

    /// <summary>Runs a command line whose words hold no blanks, with standard input.</summary>
    public static Task<CliRun> OfAsync(string commandLine, Stream input, Action<IServiceCollection>? services = null) =>
        OfAsync(commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries), input, services);

    public static async Task<CliRun> OfAsync(
        string[] args, Stream input, Action<IServiceCollection>? services = null, CancellationToken cancellationToken = default)
    {
        using StringWriter results = new();
        using StringWriter errors = new();
        using MemoryStream bytes = new();
        CliHost host = new(results, errors) { ConfigureServices = services, OpenInput = () => input, OpenOutput = () => bytes };
        ExitCode code = await CliApplication.RunAsync(args, host, cancellationToken);
        return new CliRun(code, results.ToString(), errors.ToString()) { Bytes = bytes.ToArray() };
    }

    /// <summary>The cells of the plain row that starts with a name.</summary>
    public string[] Row(string name) =>
        Out.Split('\n').Select(line => line.TrimEnd('\r').Split('\t')).Single(cells => cells[0] == name);

    /// <summary>The plain fact of a name.</summary>
    public string Fact(string name) =>
        Out.Split('\n').Select(line => line.TrimEnd('\r')).Single(line => line.StartsWith(name + ": ", StringComparison.Ordinal))[(name.Length + 2)..];
}
