using System.CommandLine;
using Hypercall.BitVisor;
using Hypercall.Cli.CommandLine;
using Hypercall.Cli.Machines;
using Hypercall.Cli.Output;

namespace Hypercall.Cli.Commands;

/// <summary>Which names the VMM answers.</summary>
internal sealed class FunctionsCommand : CliCommand
{
    private readonly Argument<string[]> _names = new("NAME")
    {
        Description = "Names to look up. Without any: those that BitVisor's own source registers.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    public FunctionsCommand()
        : base("functions", "Say which names the VMM answers.")
    {
        FunctionName.Validate(_names);
        Arguments.Add(_names);
    }

    public override string Remarks =>
        "Names are looked up; no function is called. Ends with 1 when one of the given names was not found; without names, when nothing was.";

    public override IReadOnlyList<(string CommandLine, string Meaning)> Examples { get; } =
    [
        ("hypercall functions", "the names that BitVisor knows"),
        ("hypercall functions foo && hypercall call foo", "call a function only if it is there"),
        ("hypercall functions --vmm fake", "the names that the fake VMM knows"),
    ];

    protected override ValueTask<ExitCode> RunAsync(Invocation invocation)
    {
        string[] asked = invocation.Get(_names) ?? [];
        IEnumerable<string> names = asked.Length > 0 ? asked.Distinct() : KnownFunctions.All.Select(known => known.Name);
        if (asked.Length == 0 && invocation.Machine.Vmm == VmmKind.Fake)
        {
            names = names.Union(FakeFunctions.All.Select(own => own.Name));
        }

        using VmmSession session = invocation.OpenSession();
        List<FunctionInfo> functions = [];
        foreach (string name in names)
        {
            invocation.CancellationToken.ThrowIfCancellationRequested();
            functions.Add(LookUp(session.Vmm, name));
        }

        int found = functions.Count(function => function.Found);
        FunctionsResult result = new(functions, found);
        invocation.Output.Report(result, CliJson.Readable.FunctionsResult, page =>
        {
            page.Table(["name", "number", "what it does"], [.. functions.Select(Row)]);
            page.Text($"{found} of {functions.Count} found.");
            if (found == 0)
            {
                page.Text(
                    "Either there is no VMM that calls functions by name, or one that lacks these: 'hypercall detect --try' "
                    + "tells.");
            }
        });
        bool good = asked.Length > 0 ? found == functions.Count : found > 0;
        return ValueTask.FromResult(good ? ExitCode.Done : ExitCode.Refused);
    }

    // Not found is an answer here. A fault or a foreign answer is none: it would only repeat itself for every other name.
    private static FunctionInfo LookUp(BitVisorClient vmm, string name)
    {
        VmmLookup lookup = vmm.TryGetFunction(name);
        return lookup.Outcome switch
        {
            VmmLookupOutcome.Found => new FunctionInfo(name, Found: true, lookup.Rax, PurposeOf(name)),
            VmmLookupOutcome.NotFound => new FunctionInfo(name, Found: false, Number: null, PurposeOf(name)),
            _ => throw lookup.ToException(),
        };
    }

    private static string? PurposeOf(string name) => KnownFunctions.PurposeOf(name) ?? FakeFunctions.PurposeOf(name);

    private static IReadOnlyList<string> Row(FunctionInfo function) =>
        [function.Name, function.Number is { } number ? $"{number}" : "not found", function.Purpose ?? ""];
}

/// <summary>The answer of <c>functions</c> in JSON.</summary>
/// <param name="Functions">Every name that was looked up, in order.</param>
/// <param name="Found">How many of them have a number.</param>
internal sealed record FunctionsResult(IReadOnlyList<FunctionInfo> Functions, int Found);

/// <summary>One name, in JSON.</summary>
/// <param name="Name">The name.</param>
/// <param name="Found">Whether the VMM knows it.</param>
/// <param name="Number">Its number, 1 to 127; null when it was not found.</param>
/// <param name="Purpose">What a function of this name does in BitVisor or in the tool's fake VMM; null for any other
/// name.</param>
internal sealed record FunctionInfo(string Name, bool Found, ulong? Number, string? Purpose);
