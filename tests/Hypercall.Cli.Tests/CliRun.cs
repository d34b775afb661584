using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Hypercall.Cli.Tests;

/// <summary>One run of the tool, in this process.</summary>
internal sealed record CliRun(ExitCode ExitCode, string Out, string Error)
{
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;

    /// <summary>Runs a command line whose words hold no blanks.</summary>
    public static Task<CliRun> OfAsync(string commandLine, Action<IServiceCollection>? services = null) =>
        OfAsync(commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries), services);

    public static async Task<CliRun> OfAsync(
        string[] args, Action<IServiceCollection>? services = null, CancellationToken cancellationToken = default)
    {
        using StringWriter results = new();
        using StringWriter errors = new();
        ExitCode code = await CliApplication.RunAsync(args, new CliHost(results, errors) { ConfigureServices = services }, cancellationToken);
        return new CliRun(code, results.ToString(), errors.ToString());
    }

    /// <summary>The cells of the plain row that starts with a name.</summary>
    public string[] Row(string name) =>
        Out.Split('\n').Select(line => line.TrimEnd('\r').Split('\t')).Single(cells => cells[0] == name);

    /// <summary>The plain fact of a name.</summary>
    public string Fact(string name) =>
        Out.Split('\n').Select(line => line.TrimEnd('\r')).Single(line => line.StartsWith(name + ": ", StringComparison.Ordinal))[(name.Length + 2)..];
}
