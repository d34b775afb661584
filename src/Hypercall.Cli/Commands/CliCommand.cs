using System.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;
using Hypercall.Testing;

namespace Hypercall.Cli.Commands;

/// <summary>
/// A command of the tool: one class, in one file, and one line in <see cref="CliApplication"/>. It throws the library's own
/// errors;
/// <see cref="ExitCodes"/> and <see cref="CliOutput"/> make exit codes and messages of them.
/// </summary>
internal abstract class CliCommand : Command
{
    private readonly MachineOptions _machine;
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON document on standard output, for errors too." };

    protected CliCommand(string name, string description, VmmKind defaultVmm = VmmKind.Real)
        : base(name, description)
    {
        _machine = new MachineOptions(this, defaultVmm);
        Options.Add(_json);
    }

    /// <summary>Whole command lines, and what each of them does, for the help.</summary>
    public abstract IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; }

    /// <summary>What a line of description has no room for.</summary>
    public virtual string Remarks => "";

    public ValueTask<ExitCode> InvokeAsync(ParseResult parse, CliHost host, CancellationToken cancellationToken) =>
        RunAsync(new Invocation(
            parse, _machine.Read(parse, host.Environment), new CliOutput(host, parse.GetValue(_json)), host, cancellationToken));

    /// <summary>The options, a blank before each, that make another command speak to the same VMM.</summary>
    public string OptionsOfMachine(ParseResult parse, CliHost host) => OptionsOf(_machine.Read(parse, host.Environment));

    /// <summary>As <see cref="OptionsOfMachine"/>, for a machine that is chosen already.</summary>
    protected static string OptionsOf(MachineChoice machine) => machine switch
    {
        { Vmm: VmmKind.Real } => "",
        { Personality: var personality } when personality == FakeVmmPersonality.BitVisor => " --vmm fake",
        { Personality: var personality } => $" --fake {MachineOptions.NameOf(personality)}",
    };

    protected abstract ValueTask<ExitCode> RunAsync(Invocation invocation);
}
