using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Commands;
using Hypercall.Cli.Output;
using Hypercall.Cli.Terminal;

namespace Hypercall.Cli;

/// <summary>The tool: parses, runs one command, and turns whatever happens into an exit code.</summary>
internal static class CliApplication
{
    public static async Task<ExitCode> RunAsync(IReadOnlyList<string> args, CliHost host, CancellationToken cancellationToken = default)
    {
        CliCommand? command = null;
        ParseResult? parse = null;
        if (args is ["help", ..])
        {
            args = [.. args.Skip(1), "--help"]; // what git, dotnet and others understand, too
        }

        try
        {
            if (host.OutIsClosed)
            {
                throw new UsageException($"{OutputException.StandardOutput} cannot be written: {ClosedStream.Message}");
            }

            parse = CreateRoot().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null }); // '@x' is a name like any other
            command = parse.CommandResult.Command as CliCommand;
            if (parse.Action is null or ParseErrorAction)
            {
                FunctionName.ThrowIfOption(parse, CreateCommands());
            }

            return parse.Action switch
            {
                ParseErrorAction => throw UsageErrors.In(parse, CreateCommands()),
                TeachingHelpAction when command is null && UsageErrors.NamesNoCommand(parse) => throw UsageErrors.In(parse, CreateCommands()),
                null when command is not null =>
                    await command.InvokeAsync(parse, host, cancellationToken).ConfigureAwait(false),
                _ => await RunBuiltInAsync(parse, host, cancellationToken).ConfigureAwait(false),
            };
        }
        catch (Exception e) // the one place where every error becomes an exit code
        {
            (ExitCode code, string kind) = ExitCodes.Classify(e);
            bool json = args.TakeWhile(arg => arg != "--").Contains("--json"); // also where parsing failed
            new CliOutput(host, json).ReportError(e, code, HintOn(e, kind, command, parse, host));
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
        new LogCommand(),
        new KeptCommand(),
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
        catch (Exception e) when (OutputException.IsBrokenStream(e))
        {
            throw new OutputException(OutputException.StandardOutput, e);
        }
    }

    // The library says what a program can do about an error; this says what a person at a prompt can.
    private static string? HintOn(Exception error, string kind, CliCommand? command, ParseResult? parse, CliHost host) =>
        kind switch
    {
        "usage" => command is null ? "See 'hypercall --help'." : $"See 'hypercall {command.Name} --help'.",
        "functionNotFound" => $"'hypercall detect --try{Same(command, parse, host)}' says whether a VMM that calls functions "
            + "by name is there; "
            + $"'hypercall functions{Same(command, parse, host)}' looks known names up.",
        "memory" when command is SendCommand && ErrorInfo.Of(error).Reason == "notPinned" =>
            "That is --residency pinned, or --passing gva, or --accept-memory-corruption-if-pages-move.",
        "fault" => "'hypercall detect' shows CPU, instruction and hypervisor; --instruction auto|vmcall|vmmcall chooses the instruction.",
        "foreignVmm" => "'hypercall call --convention NAME --number N' speaks another VMM's convention; "
            + "'hypercall demo' shows a call on a fake VMM.",
        "noProvider" => "--instruction vmcall|vmmcall forces an instruction, "
            + "--channel NAME another way down; --vmm fake needs none.",
        "platformNotSupported" => "--vmm fake works everywhere.",
        _ => null,
    };

    // The options that make another command speak to the same VMM.
    private static string Same(CliCommand? command, ParseResult? parse, CliHost host) =>
        command is null || parse is null ? "" : command.OptionsOfMachine(parse, host);
}
