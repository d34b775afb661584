using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Commands;
using Hypercall.Cli.Output;

namespace Hypercall.Cli;

/// <summary>The tool: parses, runs one command, and turns whatever happens into an exit code.</summary>
internal static class CliApplication
{
    public static async Task<ExitCode> RunAsync(IReadOnlyList<string> args, CliHost host, CancellationToken cancellationToken = default)
    {
        CliCommand? command = null;
        try
        {
            ParseResult parse = CreateRoot().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null }); // '@x' is a name like any other
            command = parse.CommandResult.Command as CliCommand;
            if (parse.Action is null)
            {
                FunctionName.ThrowIfOption(parse);
            }

            return parse.Action switch
            {
                ParseErrorAction => throw UsageErrorIn(parse),
                null when command is not null =>
                    await command.InvokeAsync(parse, host, cancellationToken).ConfigureAwait(false),
                _ => await RunBuiltInAsync(parse, host, cancellationToken).ConfigureAwait(false),
            };
        }
        catch (Exception e) // the one place where every error becomes an exit code
        {
            (ExitCode code, string kind) = ExitCodes.Classify(e);
            bool json = args.TakeWhile(arg => arg != "--").Contains("--json"); // also where parsing failed
            new CliOutput(host, json).ReportError(e, code, HintOn(kind, command));
            return code;
        }
    }

    /// <summary>The commands. A new one is a class and a line here.</summary>
    public static IReadOnlyList<CliCommand> CreateCommands() =>
    [
        new DetectCommand(),
        new CallCommand(),
        new RawCommand(),
        new FunctionsCommand(),
        new StatusCommand(),
        new ShellCommand(),
        new SendCommand(),
        new MemoryCommand(),
        new DemoCommand(),
    ];

    private static RootCommand CreateRoot()
    {
        RootCommand root = new("Ask the CPU and the VMM under a guest what they can do, and call the VMM.");
        foreach (CliCommand command in CreateCommands())
        {
            root.Subcommands.Add(command);
        }

        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelpAction((HelpAction)help.Action!);
        return root;
    }

    // --help and --version. Signals are the program's own business, and so are exceptions.
    private static async Task<ExitCode> RunBuiltInAsync(ParseResult parse, CliHost host, CancellationToken cancellationToken)
    {
        InvocationConfiguration configuration = new()
        {
            Output = host.Out,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        try
        {
            return (ExitCode)await parse.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (CliOutput.IsBrokenStream(e))
        {
            throw CliOutput.Unwritable(e);
        }
    }

    // The library says what a program can do about an error; this says what a person at a prompt can.
    private static string? HintOn(string kind, CliCommand? command) => kind switch
    {
        "usage" => command is null ? "See 'hypercall --help'." : $"See 'hypercall {command.Name} --help'.",
        "functionNotFound" => "'hypercall detect' says whether a VMM that calls functions by name is there; 'hypercall functions' looks known names up.",
        "fault" => "'hypercall detect' shows CPU, instruction and hypervisor; --instruction auto|vmcall|vmmcall chooses the instruction.",
        "foreignVmm" => "'hypercall raw --convention NAME' speaks another VMM's convention; 'hypercall demo' shows a call on a fake VMM.",
        "noProvider" => "--instruction vmcall|vmmcall forces an instruction; --vmm fake needs none.",
        "platformNotSupported" => "--vmm fake works everywhere.",
        _ => null,
    };

    private static UsageException UsageErrorIn(ParseResult parse)
    {
        if (parse.CommandResult.Command is CliCommand)
        {
            return new UsageException(string.Join(Environment.NewLine, parse.Errors.Select(error => error.Message).Distinct()));
        }

        string? unknown = parse.UnmatchedTokens.FirstOrDefault(token => !token.StartsWith('-'));
        string what = unknown is null ? "No command was given." : $"There is no command '{unknown}'.";
        return new UsageException($"{what} Commands: {string.Join(", ", CreateCommands().Select(known => known.Name))}.");
    }
}
