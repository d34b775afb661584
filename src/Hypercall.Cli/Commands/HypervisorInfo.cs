namespace Hypercall.Cli.Commands;

/// <summary>What was found of what is under the guest, in JSON.</summary>
/// <param name="Name">Who is there.</param>
/// <param name="Kind"><c>saysItself</c>, <c>hint</c> or <c>cannotTell</c>.</param>
/// <param name="Evidence">What was seen, and where.</param>
/// <param name="Source">Who says that it means that.</param>
/// <param name="Conventions">The conventions that it serves; empty where none is known.</param>
/// <param name="Ways">Which ways lead down to it; null where it is no known VMM.</param>
internal sealed record HypervisorInfo(
    string Name, string Kind, string Evidence, string Source, IReadOnlyList<string> Conventions, string? Ways)
{
    public static HypervisorInfo Of(HypervisorFinding finding) => new(
        finding.Name,
        finding.Kind switch
        {
            HypervisorFindingKind.SaysItself => "saysItself",
            HypervisorFindingKind.Hint => "hint",
            _ => "cannotTell",
        },
        finding.Evidence,
        finding.Source,
        [.. (finding.Vmm?.Conventions ?? []).Select(convention => convention.Name)],
        finding.Vmm?.Ways);
}
