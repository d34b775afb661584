using System.Text;
using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;
using Hypercall.Cli.Terminal;

namespace Hypercall.Cli.Commands;

/// <summary>Connects a terminal, or a pipe, to the VMM's debug shell.</summary>
internal sealed class ShellCommand() : CliCommand("shell", "Talk to the VMM's debug shell (its function dbgsh), from a terminal or in a pipe.")
{
    private const string FunctionName = "dbgsh";

    public override string Remarks =>
        "On a terminal every key goes to the shell at once, which echoes it. Two keys stay the terminal's: Ctrl-D leaves (exit code 0), and so does Ctrl-C (130). "
        + "Leaving does not end the shell: the next session goes on where this one stopped. In a pipe, bytes go through unchanged, and the end of the input "
        + "ends the session. With --json, what the shell printed is collected. Ends with 1 when the VMM's configuration turns the shell off.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall shell", "a session; the command exit ends it"),
        ("hypercall shell --vmm fake", "the same with the fake VMM's shell"),
        ("hypercall shell --json < commands.txt", "commands from a file, and what the shell printed as JSON"),
    ];

    protected override async ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        CliHost host = invocation.Host;
        if (invocation.Output.IsJson && host.InputIsTerminal)
        {
            throw new UsageException("--json prints one document when the session is over, which is no way to type: give the keys by a pipe or from a file.");
        }

        using VmmSession session = invocation.OpenSession();
        _ = session.Vmm.GetFunction(FunctionName); // what can go wrong without a shell goes wrong before the terminal is touched
        using MemoryStream collected = new();
        Stream output = invocation.Output.IsJson ? collected : new BufferedStream(host.OpenOutput());
        VmmShellOutcome outcome = await TalkAsync(session.Vmm, host, output, invocation.CancellationToken).ConfigureAwait(false);
        if (invocation.Output.IsJson)
        {
            string text = Encoding.UTF8.GetString(collected.GetBuffer(), 0, (int)collected.Length);
            ShellResult result = new(
                outcome switch { VmmShellOutcome.Ended => "ended", VmmShellOutcome.EndOfInput => "endOfInput", _ => "disabled" }, text);
            invocation.Output.Report(result, CliJson.Readable.ShellResult, _ => { }, done: "The VMM's shell received every key; its output is lost.");
            return outcome == VmmShellOutcome.Disabled ? ExitCode.Refused : ExitCode.Done;
        }

        return outcome == VmmShellOutcome.Disabled ? throw new VmmFunctionDisabledException(FunctionName, "vmm.dbgsh") : ExitCode.Done;
    }

    private static async Task<VmmShellOutcome> TalkAsync(BitVisorClient vmm, CliHost host, Stream output, CancellationToken cancellationToken)
    {
        using Keys keys = Keys.Open(host);
        if (host is { InputIsTerminal: true, ErrorIsTerminal: true })
        {
            await host.Error.WriteLineAsync("Every key goes to the VMM's shell. Ctrl-D leaves.").ConfigureAwait(false);
        }

        VmmShellOutcome? outcome = null;
        try
        {
            outcome = await new VmmShell(vmm).RunAsync(keys.Stream, output, cancellationToken).ConfigureAwait(false);
            return outcome.Value;
        }
        catch (Exception e) when (OutputException.IsBrokenStream(e))
        {
            throw new OutputException(OutputException.StandardOutput, e, keys.Stream.HasGiven ? "The VMM's shell received the keys that came before." : null);
        }
        catch
        {
            await FlushAsync(output).ConfigureAwait(false); // what the shell said before it was cancelled, too
            throw;
        }
        finally
        {
            if (host is { InputIsTerminal: true, ErrorIsTerminal: true } && outcome is not VmmShellOutcome.Ended)
            {
                await host.Error.WriteLineAsync().ConfigureAwait(false); // the cursor stands behind the shell's prompt
            }
        }
    }

    private static async Task FlushAsync(Stream output)
    {
        try
        {
            await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Ctrl-C ended the reader, too: what comes first is what is told.
        }
    }
}

/// <summary>The answer of <c>shell</c> in JSON.</summary>
/// <param name="Outcome"><c>ended</c>, <c>endOfInput</c> or <c>disabled</c>.</param>
/// <param name="Output">What the shell printed, read as UTF-8.</param>
internal sealed record ShellResult(string Outcome, string Output);
