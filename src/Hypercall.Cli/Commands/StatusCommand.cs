using Hypercall.BitVisor;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>Prints the VMM's status.</summary>
internal sealed class StatusCommand() : CliCommand("status", "Print the VMM's status text (its function get_status).")
{
    public override string Remarks =>
        "Ends with 1 when the VMM has no such function, its configuration turns it off, or it did not deliver in three tries.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall status", "what the VMM says about itself"),
        ("hypercall status --vmm fake --json", "the fake VMM's, for a script"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        using VmmSession session = invocation.OpenSession();
        StatusResult result = new("get_status", new VmmStatusClient(session.Vmm).GetStatus());
        invocation.Output.Report(result, CliJson.Readable.StatusResult, page =>
        {
            foreach (string line in result.Text.TrimEnd('\r', '\n').Split('\n'))
            {
                page.Text(line.TrimEnd('\r').Replace("\t", "    ", StringComparison.Ordinal));
            }
        });
        return ValueTask.FromResult(ExitCode.Done);
    }
}

/// <summary>The answer of <c>status</c> in JSON.</summary>
/// <param name="Function">The function that was asked.</param>
/// <param name="Text">What the VMM said, as it said it.</param>
internal sealed record StatusResult(string Function, string Text);
